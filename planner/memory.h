#pragma once
// The memory of each pipeline rank, by class. No LibTorch.

#include "planner/hardware.h"
#include "planner/step.h"

namespace baleen::planner {

/// Bytes on one device.
struct RankMemory {
  // From the first step to the last.
  std::int64_t values = 0;  // beside the masters: nothing where they share storage
  std::int64_t masters = 0;
  std::int64_t optimizer = 0;
  std::int64_t workspace = 0;
  std::int64_t gather_pool = 0;  // ZeRO-3 on one host: NCCL's buffers that units are gathered in, kept once made

  // At the moment of a step that has the most.
  std::int64_t gradients = 0;         // of units that the backward has come to
  std::int64_t activations = 0;       // what micro-batches have saved, operands of weight parts, what is being computed
  std::int64_t loss = 0;              // logits of a chunk and the gradients of its inputs
  std::int64_t gathered = 0;          // ZeRO-3: whole values of units, as far as they are not in the pool
  std::int64_t gradient_buffers = 0;  // whole gradients of one micro-batch, and blocks that are exchanged for sums

  // Beside LibTorch's allocator.
  std::int64_t communicators = 0;
  std::int64_t context = 0;

  std::int64_t reserve = 0;    // what the allocator holds beyond all that
  int peak_micro_batches = 0;  // kept at a time, over all stages of the rank

  std::int64_t states() const { return values + masters + gradients + optimizer; }
  /// What the step lines and metrics.jsonl call memory_gib.
  std::int64_t allocator() const {
    return states() + workspace + gather_pool + activations + loss + gathered + gradient_buffers + reserve;
  }
  std::int64_t total() const { return allocator() + communicators + context; }
};

/// peak_micro_batches is left to the simulator. Shards on more than `gpus_per_node` ranks in a row do not gather in
/// NCCL's buffers.
RankMemory plan_memory(const PlannedStep& step, int pipeline_rank, const FootprintTable& footprint,
                       int gpus_per_node = 0);
/// values, masters, optimizer, and the gradients of all units, as at a step's end: without looking at the schedule.
RankMemory plan_states(const PlannedStep& step, int pipeline_rank);

/// Parameters that a rank holds or, under ZeRO-3, gathers: its part of the tensor axis, padding included.
std::int64_t parameters_held(const PlannedRank& rank);

}  // namespace baleen::planner
