#include "bench/kernel_trace.h"

namespace baleen::bench {

std::vector<KernelSpan> trace_kernels(int, const std::function<void()>& work) {
  work();
  return {};
}

}  // namespace baleen::bench
