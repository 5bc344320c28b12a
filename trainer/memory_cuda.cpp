#include <c10/cuda/CUDACachingAllocator.h>
#include <sys/resource.h>

#include "trainer/memory.h"

namespace baleen::trainer {

double peak_memory_gib(at::Device device) {
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak) / (1024.0 * 1024.0 * 1024.0);
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);  // Linux counts KiB
}

}  // namespace baleen::trainer
