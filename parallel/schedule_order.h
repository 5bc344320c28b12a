#pragma once
// The messages of a pipeline, in an order in which the lists of all ranks can run: what lower() places them by. No
// LibTorch.

#include "parallel/schedule.h"

namespace baleen::parallel {

/// What one stage hands to the next, or its gradient back, between two ranks.
struct StageMessage {
  StageOp op;  // forward: activations; backward_input: their gradient
  int stage;   // that consumes it
  int micro_batch;
  bool ahead = false;  // received before the action in front of its consumer
};

/// Found by running the lists on paper: a receive stops its rank until the message was sent; a send stops its rank
/// while the one before it on the same edge (source, destination, direction) is not received. Receives are ahead as
/// long as that closes no circle of waiting ranks. What can run under these rules can run under all weaker ones.
struct StageOrder {
  std::vector<int> ranks;  // [stage]: that holds it
  std::vector<std::vector<std::vector<StageMessage>>>
      receives;  // [rank][action that needs them]: in the order of sends

  int stages() const { return static_cast<int>(ranks.size()); }
  /// The rank that a stage's action gets its value from, or gives its value to; -1: no other rank.
  int source(StageOp op, int stage) const { return other_rank(stage, op == StageOp::forward ? -1 : 1, op); }
  int destination(StageOp op, int stage) const { return other_rank(stage, op == StageOp::forward ? 1 : -1, op); }

 private:
  int other_rank(int stage, int step, StageOp op) const;
};

/// Throws Error(internal) where the lists are not in order or wait for each other.
StageOrder order_stages(const std::vector<StageSchedule>& schedules);

}  // namespace baleen::parallel
