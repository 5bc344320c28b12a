#pragma once
// How much memory this rank has taken.

#include <c10/core/Device.h>

namespace baleen::trainer {

/// Peak since start: reserved from the driver by LibTorch's allocator on a GPU, resident set on the CPU.
double peak_memory_gib(at::Device device);

}  // namespace baleen::trainer
