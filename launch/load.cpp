#include "launch/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "core/counted.h"

namespace baleen::launch {

std::string Load::str() const {
  return fmt::format("load {:.1f} on {} before this run's {}", average, core::counted(cores, "core"),
                     core::counted(threads, "thread"));
}

Load machine_load(const Process& process) {
  Load load;
  if (::getloadavg(&load.average, 1) != 1) load.average = 0;
  load.cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  load.threads = process.local_size() * (process.device().is_cuda() ? 1 : process.threads());
  return load;
}

}  // namespace baleen::launch
