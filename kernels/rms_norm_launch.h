#pragma once
// Launchers of RMSNorm's CUDA kernels. Pointers are to device memory of the named element type; "wide" is fp32, or fp64
// where the type is fp64.

#include <algorithm>
#include <cstdint>

#include "core/dtype.h"
#include "kernels/row_layout.h"

namespace baleen::kernels {

struct RmsNormArgs {
  const void* x;
  RowLayout x_rows;
  const void* weight;
  void* y;     // [rows, dim]; null: only rstd and abs_max are wanted
  void* rstd;  // [rows] wide
  std::int64_t rows, dim;
  double eps;
  float* abs_max;  // of y; may be null
};
void launch_rms_norm(core::DType type, const RmsNormArgs& args, void* stream);

struct RmsNormBackwardArgs {
  const void* dy;
  RowLayout dy_rows;
  const void* x;
  RowLayout x_rows;
  const void* add_to_dx;  // may be null
  RowLayout add_rows;
  const void* weight;
  const void* rstd;  // [rows] wide
  void* dx;          // [rows, dim]
  void* dweight;     // [dim] wide
  void* partials;    // [rms_norm_partials(rows), dim] wide: scratch
  std::int64_t rows, dim;
  float* abs_max;  // of dx; may be null
};
void launch_rms_norm_backward(core::DType type, const RmsNormBackwardArgs& args, void* stream);

/// How many partial sums of the weight's gradient are made and then added in order. Depends on nothing but the rows, so
/// that the bits do not change from one GPU to another; 256 is two blocks for each of 128 multiprocessors.
inline std::int64_t rms_norm_partials(std::int64_t rows) {
  return std::clamp<std::int64_t>(rows, 1, 256);
}

/// The widest row that the backward kernel takes, in elements: sums of long ones live in shared memory.
std::int64_t rms_norm_max_dim(core::DType type);

}  // namespace baleen::kernels
