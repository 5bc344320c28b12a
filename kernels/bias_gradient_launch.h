#pragma once
// Launcher of the CUDA kernels that sum the rows of a matrix. Pointers are to device memory; "wide" is fp32, or fp64
// where dy is.

#include <algorithm>
#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct BiasGradientArgs {
  const void* dy;  // [rows, columns]
  std::int64_t stride;
  std::int64_t rows, columns;
  void* partials;  // [bias_gradient_partials(rows), columns] wide: scratch
  void* sum;       // [columns] wide
};
void launch_bias_gradient(core::DType type, const BiasGradientArgs& args, void* stream);

/// How many partial sums are made and then added in order: one for 64 rows, at most 128.
inline std::int64_t bias_gradient_partials(std::int64_t rows) {
  return std::clamp<std::int64_t>((rows + 63) / 64, 1, 128);
}

}  // namespace baleen::kernels
