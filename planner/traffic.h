#pragma once
// What one rank of a pipeline asks its communicators to move in a training step. No LibTorch.

#include "parallel/traffic.h"
#include "planner/step.h"

namespace baleen::planner {

/// By axis (as Mesh names its communicators), collective and element type: the sum over the units of this rank, for
/// tensor rank 0 and shard 0. Left out are scalars: counts of targets, losses, the gradient norm; and start-up,
/// validation and saving. An axis of one rank has no traffic.
/// sums_in_rank_order: what the communicators of the data axis answer (NCCL does not); where they do not, and the run
/// is deterministic, gradients are exchanged all-to-all.
parallel::Traffic plan_traffic(const PlannedStep& step, int pipeline_rank, bool sums_in_rank_order);

}  // namespace baleen::planner
