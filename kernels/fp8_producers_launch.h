#pragma once
// Launchers of the CUDA kernels that make a matrix in FP8. Pointers are to device memory, of BF16 where not said, on 16
// bytes, as are strides (in elements) and columns; rows are a multiple of 16.

#include "kernels/fp8_launch.h"

namespace baleen::kernels {

struct RmsNormFp8Args {
  const void* x;
  std::int64_t stride;
  const void* weight;
  const float* rstd;
  Fp8Target to;
};
/// tile: tensor or vector.
void launch_rms_norm_fp8(Fp8Tile tile, const RmsNormFp8Args& args, void* stream);

struct SwigluFp8Args {
  const void* gate_up;  // [rows, 2 * to.columns]
  std::int64_t stride;
  Fp8Target to;  // vector tiles
};
void launch_swiglu_fp8(const SwigluFp8Args& args, void* stream);

struct SwigluBackwardFp8Args {
  const void* dy;  // [rows, to.columns / 2]: columns are a multiple of kFp8TileSide
  std::int64_t dy_stride;
  const void* gate_up;
  std::int64_t stride;
  Fp8Target to;  // vector tiles
};
void launch_swiglu_backward_fp8(const SwigluBackwardFp8Args& args, void* stream);

}  // namespace baleen::kernels
