#pragma once
// A training step as data: what each rank of a pipeline does, in order. Builders write actions per stage, lower() turns
// those of one rank into actions per unit, the executor runs them, str() and draw() print them; parallel/simulator.h
// proves and times them. No LibTorch.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace baleen::parallel {

/// How many ranks share the layers, in how many stages each, over how many micro-batches a step.
struct PipelineShape {
  int ranks = 1;
  int virtual_stages = 1;  // of each rank
  int micro_batches = 1;

  int stages() const { return ranks * virtual_stages; }
  int rank_of(int stage) const { return stage % ranks; }
};

enum class StageOp : std::uint8_t { forward, backward_input, backward_weight };

struct StageAction {
  StageOp op;
  int stage;  // of the whole pipeline
  int micro_batch;
};
using StageSchedule = std::vector<StageAction>;  // of one rank

/// The schedules that build_schedule() knows.
std::vector<std::string> schedule_names();
/// Whether a rank may hold several stages under this schedule.
bool takes_virtual_stages(std::string_view name);
/// The lists of all ranks for one training step. In every schedule a stage runs its backwards, and their weight parts,
/// in ascending order of micro-batches, so sums over micro-batches do not depend on the schedule. One rank with one
/// stage runs forward, backward input, backward weight, micro-batch after micro-batch, whatever the name. Throws
/// Error(usage) for an unknown name and for virtual stages where the schedule takes none.
std::vector<StageSchedule> build_schedule(std::string_view name, const PipelineShape& shape);
/// Validation: forward only.
std::vector<StageSchedule> forward_schedule(const PipelineShape& shape);

enum class UnitOp : std::uint8_t {
  gather,
  forward,
  backward_input,
  backward_weight,
  reduce,
  release,
  send_forward,   // activations, to the rank of the next stage
  recv_forward,   // activations, from the rank of the stage before
  send_backward,  // the gradient of a stage's input, to the rank of the stage before
  recv_backward,  // the gradient of a stage's output, from the rank of the next stage
};

struct UnitAction {
  UnitOp op;
  int unit;  // index in the rank's list of units, over all its stages; of a message: that made it or will consume it
  int micro_batch;
  bool writes_gradient = false;  // backward_weight, and the forward of a trained unit with backward_in_forward
  int peer = -1;                 // of a message: the pipeline rank at its other end
};
using UnitSchedule = std::vector<UnitAction>;

/// Messages of one edge whose tensors the executor keeps until they are sent, at most.
inline constexpr std::size_t kSendsUnderWay = 2;

/// What lowering must know of each unit of a rank. Units are listed stage after stage, in the order of the forward.
struct UnitTraits {
  int stage = 0;                      // of the whole pipeline
  bool backward_in_forward = false;   // the head with the loss: makes all its gradients in its forward action
  bool backward_needs_values = true;  // false: the input part of its backward reads no weights (the embedding)
  bool hides_gathers = true;          // false: computes too little to gather anything meanwhile (embedding, norm)
};

/// How long a gathered unit keeps its values.
enum class Regather : std::uint8_t {
  micro_batch,  // gathered before each forward and each backward, released after it: two units at most are whole, and
                // those beside them that hide no gathers
  step,         // gathered before its first use in a step, released after its last
  never,        // values stay whole: no gathers
};

struct LoweringOptions {
  bool reduce_each_micro_batch = false;  // else once, after a unit's last gradient of the step
  bool gathers = false;                  // values are sharded (ZeRO-3)
  Regather regather = Regather::micro_batch;
  bool prefetch = true;  // a gather is issued ahead of its use, before the last action in between that hides gathers
};

/// What `rank` runs. `schedules` are those of all ranks: they say who holds which stage and what is sent when. Throws
/// Error(internal) where a schedule is incomplete or waits for itself, or a stage of the rank has no unit.
///
/// Units: forward runs through the units of a stage, backward through them in reverse. Where the weight part of a stage
/// follows its input part at once, each unit does both before the next: its operands are freed and its reduction starts
/// while the rest of the backward runs. A forward-only schedule gets no reduce.
/// Messages: none between stages of one rank, the value passes through. A send follows the action that made its value
/// and waits for nobody; it is complete by the end of the list. On each edge (source, destination, direction)
/// receives are in the order of the sends. A receive stands one compute action ahead of its consumer where even a
/// receive that stops its rank until the message comes cannot deadlock there, else right before the consumer.
UnitSchedule lower(const std::vector<StageSchedule>& schedules, int rank, const std::vector<UnitTraits>& units,
                   const LoweringOptions& options);

/// Units that are gathered before anything computes, in that order.
std::vector<int> gathered_first(const UnitSchedule& schedule);

/// "forward", "send_backward"
std::string_view name(UnitOp op);
/// "forward stage 0 micro-batch 3"
std::string str(const StageAction& action);
/// "forward unit 2 micro-batch 3", "send_forward unit 2 micro-batch 3 rank 1"
std::string str(const UnitAction& action);
/// One line per unit, one column per action: g gather, F forward, B backward input, W backward weight, + reduce,
/// r release, > and < send and receive of activations, } and { of their gradients; the last line is the micro-batch
/// (its last digit).
std::string draw(const UnitSchedule& schedule);

}  // namespace baleen::parallel
