#pragma once
// Launcher of the dropout's CUDA kernel. Pointers are to device memory.

#include <cstdint>

#include "core/dtype.h"
#include "core/philox.h"

namespace baleen::kernels {

struct DropoutArgs {
  const void* x;
  const void* residual;  // may be null
  void* y;
  std::int64_t count;
  double p;
  core::RandomStream stream;
  std::int64_t first_element;
};
void launch_dropout(core::DType type, const DropoutArgs& args, void* stream);

}  // namespace baleen::kernels
