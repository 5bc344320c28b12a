#pragma once
// Section `parallelism`: the degrees of the mesh and how it works together. No LibTorch.

#include <cstdint>
#include <string>
#include <vector>

#include "core/config_section.h"
#include "parallel/parallel_dims.h"

namespace baleen::parallel {

constexpr std::int64_t kMostRanks = 1 << 20;  // of a run

struct ParallelConfig {
  int tensor = 1;
  int pipeline = 1;
  int data_shard = -1;  // -1: what the world leaves
  int data_replicate = 1;
  int zero_stage = 0;
  std::string regather = "micro_batch";  // ZeRO-3: or "step", "never"
  bool sequence_parallel = true;
  std::string schedule = "1f1b";
  int virtual_stages = 1;
  std::vector<int> stage_layers;  // layers of each stage; empty: balanced by cost
  std::string backend = "auto";   // or "mpi", "nccl"

  /// The mesh over `ranks`; data_shard is filled in. Throws Error(usage) where the degrees do not give `ranks`.
  ParallelDims dims(int ranks) const;
  /// The fewest ranks that the degrees give; kMostRanks + 1 where that is more.
  std::int64_t least_ranks() const;
};

const core::Section<ParallelConfig>& parallelism_section();

}  // namespace baleen::parallel
