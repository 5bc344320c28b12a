#pragma once
// How many threads a rank should compute with: one per core that it may use, shared fairly with the node's other ranks.

#include <bitset>
#include <vector>

namespace baleen::launch {

/// CPUs (hardware threads) by the kernel's number.
using CpuSet = std::bitset<8192>;

/// The CPUs that the kernel lets this process run on (its affinity mask: mpirun and Slurm bind ranks by it).
CpuSet allowed_cpus();

/// The physical core of each CPU up to the last one of the node, as a number; hardware threads of one core share it.
std::vector<int> core_of_cpus();

/// CPUs' worth of time that the container grants (cgroup v2's cpu.max); a large number where it sets no limit.
double cpu_quota();

/// Of rank `local_rank` among ranks with these masks: the sum over its cores of 1 / (ranks that may use the core), not
/// above its part of the quota; at least 1. Bound ranks get their own cores, unbound ones an equal share of all.
int core_share(const std::vector<CpuSet>& masks, int local_rank, const std::vector<int>& core_of_cpu, double quota);

}  // namespace baleen::launch
