#pragma once
// Proves and times what the ranks of a pipeline will run, without running it. No LibTorch.

#include "parallel/schedule.h"

namespace baleen::parallel {

/// One unit: times in any one measure, bytes of one micro-batch.
struct UnitCosts {
  double forward = 1, backward_input = 1, backward_weight = 1;
  double gather = 0, reduce = 0;
  std::int64_t activation_bytes = 0;  // kept from the forward to the end of backward_input
  std::int64_t operand_bytes = 0;     // kept from backward_input to the end of backward_weight
  std::int64_t gathered_bytes = 0;    // whole values, from gather to release
};

struct SimulatedRank {
  UnitSchedule schedule;
  std::vector<UnitTraits> units;
  std::vector<UnitCosts> costs;  // of each unit
};

struct SimulationOptions {
  int micro_batches = 1;
  bool trains = true;        // false: forward only
  LoweringOptions lowering;  // that the lists were made with
  double message = 0;        // time of a send and its receive
};

struct TimedAction {
  UnitAction action;
  double start, end;  // of a message: when the rank posts it
};

/// The actions of one stage on one micro-batch that a rank runs one after another.
struct TimedBlock {
  enum class Kind : std::uint8_t { forward, backward, backward_input, backward_weight };
  Kind kind;  // backward: both parts
  int stage;
  int micro_batch;
  double start, end;
};

struct RankTimeline {
  std::vector<TimedAction> actions;  // in the order of the schedule
  std::vector<TimedBlock> blocks;
  double busy = 0;                         // in compute
  double bubble = 0;                       // the rest, as a share of the whole
  int peak_micro_batches = 0;              // micro-batches x stages between first forward and last weight part
  std::int64_t peak_activation_bytes = 0;  // activations and operands
  std::int64_t peak_gathered_bytes = 0;
};

struct Simulation {
  double makespan = 0;  // until the last action, message and reduction ended
  double bubble = 0;    // mean over the ranks
  std::vector<RankTimeline> ranks;
};

/// Joins compute actions of one rank that follow each other on the same stage and micro-batch; others are left out.
std::vector<TimedBlock> join_blocks(const std::vector<TimedAction>& actions, const std::vector<UnitTraits>& units);

/// Throws Error(internal) naming rank, action and fault unless all of this holds:
/// - complete: each unit runs forward, backward input and weight part once a micro-batch, each after what it needs,
///   backwards in ascending order of micro-batches; gradients are reduced as the options say, none after its reduction;
/// - with gathers, values are whole where they are read, every gather has its release, and under Regather::micro_batch
///   at most two units are whole;
/// - every message has its other end, at the peer that it names, and each edge (source, destination, direction) has its
///   receives in the order of its sends;
/// - no deadlock where a receive stops its rank until the send is posted, and a send stops its rank while the one
/// before
///   it on the edge is not received. That is a rendezvous with room for one: whoever posts receives earlier, or lets
///   more sends run, deadlocks less.
void prove(const std::vector<SimulatedRank>& ranks, const SimulationOptions& options);

/// prove(), then the times. Compute of a rank runs in the order of its list; gathers run beside it on one stream,
/// reductions on another, messages of an edge one after the other from when both ends are posted; whoever needs one
/// waits for its end.
Simulation simulate(const std::vector<SimulatedRank>& ranks, const SimulationOptions& options);

/// One line a rank, time to the right, at most `width` columns: F forward, B backward, W a weight part apart from its
/// input part, each with its micro-batch and '-' to its end; lower case for a rank's stages after its first; '.'
/// waiting.
std::string draw(const Simulation& simulation, int width);

}  // namespace baleen::parallel
