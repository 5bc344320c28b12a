#pragma once
// The best ways to spread a run over a number of ranks. No LibTorch.

#include <string>
#include <vector>

#include "planner/hardware.h"
#include "planner/memory.h"
#include "planner/time.h"

namespace baleen::planner {

struct Layout {
  parallel::ParallelConfig parallelism;  // degrees in full
  double tokens_per_second_per_gpu = 0;
  double bubble = 0;
  std::int64_t memory = 0;  // bytes, of the rank with the most

  /// As words of a command line: what the file of `given` does not say, what its command line did among it, so that
  /// they hold beside the words given and in their place. "as configured" where there are none.
  std::string overrides(const Config& given) const;
};

struct BestLayouts {
  std::vector<Layout> layouts;  // best first
  int legal = 0;                // how many passed validate()
  int fitting = 0;              // whose weights, gradients and optimizer state alone fit the device
};

/// Up to `most` layouts that pass validate() and fit the memory of the device, by predicted tokens a second.
/// Micro-batch size, recomputation, regather and sequence_parallel stay as configured. gpipe is left out: 1f1b is as
/// fast with less memory.
BestLayouts best_layouts(const Config& config, int ranks, const Hardware& hardware, std::size_t most);

}  // namespace baleen::planner
