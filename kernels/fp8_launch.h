#pragma once
// Launchers of the CUDA kernels that quantize. Pointers are to device memory; strides in elements.

#include <cstdint>

#include "kernels/fp8_format.h"

namespace baleen::kernels {

/// A matrix [rows, columns] in FP8 to be written.
struct Fp8Target {
  std::int64_t rows, columns;
  const float* abs_max;  // one, for tensor tiles
  // Where the rows and the transpose go, each may be null; scales as Fp8Operand has them.
  std::uint8_t* bytes;
  float* scales;
  std::uint8_t* transposed;
  float* transposed_scales;
};

struct QuantizeFp8Args {
  const void* x;  // BF16
  std::int64_t stride;
  Fp8Target to;
};
void launch_quantize_fp8(Fp8Format format, Fp8Tile tile, const QuantizeFp8Args& args, void* stream);

}  // namespace baleen::kernels
