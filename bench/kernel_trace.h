#pragma once
// Records what runs on this process's GPUs, through CUPTI.

#include <functional>
#include <vector>

#include "bench/kernel_use.h"

namespace baleen::bench {

/// What ran on GPU `index` because of `work`. Waits for it. Empty without CUDA, and, with a warning, where CUPTI is not
/// to be had (another profiler is attached).
std::vector<KernelSpan> trace_kernels(int index, const std::function<void()>& work);

}  // namespace baleen::bench
