#include <sys/resource.h>

#include "trainer/device_info.h"

namespace baleen::trainer {
namespace {

constexpr double kGib = 1024.0 * 1024.0 * 1024.0;

}  // namespace

double peak_memory_gib(at::Device, std::int64_t gather_bytes) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss * 1024 + gather_bytes) / kGib;  // Linux counts KiB
}

std::string device_name(at::Device) {
  return "";
}

}  // namespace baleen::trainer
