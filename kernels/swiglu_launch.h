#pragma once
// Launchers of SwiGLU's CUDA kernels. Pointers are to device memory; strides in elements.

#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct SwigluArgs {
  const void* gate_up;  // [rows, 2 * width]
  std::int64_t gate_up_stride;
  void* y;  // [rows, width]
  std::int64_t rows, width;
  float* abs_max;  // of y; may be null
};
void launch_swiglu(core::DType type, const SwigluArgs& args, void* stream);

struct SwigluBackwardArgs {
  const void* dy;  // [rows, width]
  std::int64_t dy_stride;
  const void* gate_up;  // [rows, 2 * width]
  std::int64_t gate_up_stride;
  void* dgate_up;  // [rows, 2 * width]
  std::int64_t rows, width;
  float* abs_max;  // of dgate_up; may be null
};
void launch_swiglu_backward(core::DType type, const SwigluBackwardArgs& args, void* stream);

}  // namespace baleen::kernels
