#pragma once
// The communicators of a rank, and what NCCL takes for them of its device beside LibTorch's allocator. No LibTorch.

#include <string>
#include <vector>

#include "planner/hardware.h"
#include "planner/step.h"

namespace baleen::planner {

struct PlannedCommunicator {
  std::string axis;  // its name in Mesh
  int ranks = 1;
  bool operator==(const PlannedCommunicator&) const = default;
};

/// Those that other ranks are in, in Mesh's order.
std::vector<PlannedCommunicator> communicators(const PlannedStep& step, int pipeline_rank);

/// Channels, and so SMs, that one of this axis may take, 0: any number. As parallel::most_ctas().
int most_channels(const std::string& axis);

/// Of all of them, and of NCCL's kernels; nothing on one rank.
double communicators_gib(const PlannedStep& step, int pipeline_rank, const FootprintTable& footprint);

}  // namespace baleen::planner
