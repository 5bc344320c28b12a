#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>
#include <sys/resource.h>

#include "trainer/device_info.h"

namespace baleen::trainer {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

}  // namespace

double peak_memory_gib(at::Device device, std::int64_t gather_bytes) {
  if (device.is_cuda()) {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak + gather_bytes) / kGib;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss * 1024 + gather_bytes) / kGib;  // Linux counts KiB
}

std::string device_name(at::Device device) {
  cudaDeviceProp properties{};
  if (!device.is_cuda() || cudaGetDeviceProperties(&properties, device.index()) != cudaSuccess) return "";
  return properties.name;
}

}  // namespace baleen::trainer
