#pragma once
// A training step as data: what one rank does, in order. Builders write actions per stage, lower() turns them into
// actions per unit, the executor runs them, str() and draw() print them. No LibTorch.

#include <cstdint>
#include <string>
#include <vector>

namespace baleen::parallel {

enum class StageOp : std::uint8_t { forward, backward_input, backward_weight };

struct StageAction {
  StageOp op;
  int stage;
  int micro_batch;
};
using StageSchedule = std::vector<StageAction>;  // of one rank

/// One stage: forward, backward input, backward weight, micro-batch after micro-batch.
StageSchedule one_stage_schedule(int micro_batches);
/// Validation: forward only.
StageSchedule forward_schedule(int micro_batches);

enum class UnitOp : std::uint8_t { gather, forward, backward_input, backward_weight, reduce, release };

struct UnitAction {
  UnitOp op;
  int unit;  // index in the rank's list of units, over all its stages
  int micro_batch;
  bool writes_gradient = false;  // backward_weight, and the forward of a trained unit with backward_in_forward
};
using UnitSchedule = std::vector<UnitAction>;

/// What lowering must know of each unit.
struct UnitTraits {
  int stage = 0;
  bool backward_in_forward = false;  // the head with the loss: makes all its gradients in its forward action
};

/// Unit by unit: gathers before use and releases after it; backward runs through the units in reverse; a unit's reduce
/// follows its last gradient of the step. A forward-only schedule gets no reduce. Where the weight part of a stage
/// follows its input part at once, each unit does both before the next: its operands are freed and its reduction starts
/// while the rest of the backward runs. Throws Error(internal) for a schedule whose backward has no forward before it.
UnitSchedule lower(const StageSchedule& schedule, const std::vector<UnitTraits>& units);

/// "forward stage 0 micro-batch 3"
std::string str(const StageAction& action);
/// "forward unit 2 micro-batch 3"
std::string str(const UnitAction& action);
/// One line per unit, one column per action: g gather, F forward, B backward input, W backward weight, + reduce,
/// r release; the last line is the micro-batch (its last digit).
std::string draw(const UnitSchedule& schedule);

}  // namespace baleen::parallel
