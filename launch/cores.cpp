#include "launch/cores.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace baleen::launch {
namespace {

int read_number(const std::string& path, int otherwise) {
  std::ifstream file(path);
  int number = otherwise;
  return file >> number ? number : otherwise;
}

}  // namespace

CpuSet allowed_cpus() {
  CpuSet cpus;
  cpu_set_t* mask = CPU_ALLOC(cpus.size());
  const std::size_t bytes = CPU_ALLOC_SIZE(cpus.size());
  CPU_ZERO_S(bytes, mask);
  if (sched_getaffinity(0, bytes, mask) == 0) {
    for (std::size_t cpu = 0; cpu < cpus.size(); ++cpu) cpus[cpu] = CPU_ISSET_S(cpu, bytes, mask);
  } else {  // sandboxes that forbid the call
    for (unsigned cpu = 0; cpu < std::max(std::thread::hardware_concurrency(), 1u); ++cpu) cpus.set(cpu);
  }
  CPU_FREE(mask);
  return cpus;
}

std::vector<int> core_of_cpus() {
  std::vector<int> core_of_cpu;
  std::map<std::pair<int, int>, int> cores;  // (package, core of it) to our number
  const CpuSet allowed = allowed_cpus();
  for (int cpu = 0; cpu < static_cast<int>(allowed.size()); ++cpu) {
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    const int core = read_number(topology + "core_id", -1);
    // A CPU without a description counts as a core of its own.
    const std::pair key =
        core >= 0 ? std::pair(read_number(topology + "physical_package_id", 0), core) : std::pair(-1, cpu);
    if (core < 0 && !allowed[static_cast<std::size_t>(cpu)] && (allowed >> static_cast<std::size_t>(cpu)).none()) break;
    core_of_cpu.push_back(cores.emplace(key, static_cast<int>(cores.size())).first->second);
  }
  return core_of_cpu;
}

double cpu_quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && period > 0 ? quota / period : std::numeric_limits<double>::max();
}

int core_share(const std::vector<CpuSet>& masks, int local_rank, const std::vector<int>& core_of_cpu, double quota) {
  std::map<int, std::set<std::size_t>> ranks_of_core;
  for (std::size_t rank = 0; rank < masks.size(); ++rank)
    for (std::size_t cpu = 0; cpu < core_of_cpu.size(); ++cpu)
      if (masks[rank][cpu]) ranks_of_core[core_of_cpu[cpu]].insert(rank);
  double share = 0;
  for (const auto& [core, ranks] : ranks_of_core)
    if (ranks.count(static_cast<std::size_t>(local_rank)) == 1) share += 1.0 / static_cast<double>(ranks.size());
  share = std::min(share, quota / static_cast<double>(masks.size()));
  constexpr double kRounding = 1e-9;  // of thirds that add up to a whole
  return std::max(1, static_cast<int>(share + kRounding));
}

}  // namespace baleen::launch
