#pragma once
// The parts of prove() that need one rank's list only. No LibTorch.

#include "parallel/simulator.h"

namespace baleen::parallel {

/// Which rank holds each stage of the pipeline. Throws Error(internal) where a stage has none or several.
std::vector<int> ranks_of_stages(const std::vector<SimulatedRank>& ranks);

/// Order, completeness, values, gradients, and the place and peer of messages. Throws as prove() does.
void prove_rank(const SimulatedRank& rank, int index, const std::vector<int>& stage_ranks,
                const SimulationOptions& options);

}  // namespace baleen::parallel
