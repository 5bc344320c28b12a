#pragma once
// Launcher of the rotary embedding's CUDA kernel. Pointers are to device memory.

#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct RopeArgs {
  void* qkv;
  std::int64_t stride;  // elements between tokens
  std::int64_t tokens;
  int heads, head_dim;
  const std::int64_t* positions;
  const void* cos;  // [max positions, head_dim / 2] fp32, or fp64 where qkv is
  const void* sin;
  bool inverse;
  float* abs_max;      // of rows; may be null
  std::int64_t width;  // of a row
};
void launch_rope(core::DType type, const RopeArgs& args, void* stream);

}  // namespace baleen::kernels
