#include <sys/resource.h>

#include "trainer/device_info.h"

namespace baleen::trainer {

double peak_memory_gib(at::Device) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1024.0 * 1024.0);  // Linux counts KiB
}

std::string device_name(at::Device) {
  return "";
}

}  // namespace baleen::trainer
