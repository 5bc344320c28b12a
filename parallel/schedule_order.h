#pragma once
// One order in which the lists of all ranks can run: what lower() places messages by. No LibTorch.

#include "parallel/schedule.h"

namespace baleen::parallel {

/// What one stage hands to the next, or its gradient back, between two ranks.
struct StageMessage {
  StageOp op;  // forward: activations; backward_input: their gradient
  int stage;   // that consumes it
  int micro_batch;
  int sent;  // time
};

/// The lists run on paper. Every action takes one unit of time; a receive stops its rank until the message was sent; a
/// send stops its rank while the one before it on the same edge (source, destination, direction) is not received. An
/// order that is possible under these rules is possible under all weaker ones.
struct StageOrder {
  std::vector<int> ranks;                // [stage]: that holds it
  std::vector<std::vector<int>> starts;  // [rank][action]: time
  std::vector<std::vector<std::vector<StageMessage>>>
      receives;  // [rank][action]: right before it, in the order of sends

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
