#pragma once
// What a traced step tells: where each rank's time went, and its schedule as it ran. No LibTorch.

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "parallel/simulator.h"
#include "trainer/trace_file.h"

namespace baleen::trainer {

/// What the stream that computes is doing; from `data` on, nothing.
enum class TimeClass : std::uint8_t {
  forward,
  backward,  // the part that gives the gradient of the input
  weight,    // the part that gives the gradients of the parameters
  update,    // sums once a step, norm, optimizer
  other,     // between these
  data,      // batches: read, counted, copied
  pipeline,  // waits for a message of another stage
  gathers,   // waits for weights
  sums,      // waits for sums of gradients
  tensor,    // waits for the exchanges inside layers
  scalars,   // waits for losses, norms and the like
};
inline constexpr std::size_t kTimeClasses = 11;
const char* name(TimeClass time);

/// Seconds of one rank.
struct RankTimes {
  std::array<double, kTimeClasses> seconds{};
  double step = 0;

  double of(TimeClass time) const { return seconds[static_cast<std::size_t>(time)]; }
  /// Share of the step in which compute stood still for communication of any kind.
  double exposed() const;
};
RankTimes rank_times(const parallel::RankTrace& trace);

/// The schedule as one rank ran it.
struct MeasuredRank {
  std::vector<parallel::TimedAction> actions;    // all, in order; compute without the waits before it
  std::vector<parallel::UnitTraits> units;       // only their stages are told
  std::vector<parallel::TimedBlock> blocks;      // of compute
  std::vector<std::pair<double, double>> waits;  // inside blocks, those for the tensor axis left out
  std::vector<double> compute;                   // [action] seconds without these waits; 0 of others
  double busy = 0;                               // their sum
  double first = 0, last = 0;                    // its first action's start; end of its last action or gradient sum
};
MeasuredRank measured_rank(const parallel::RankTrace& trace);

/// Of one rank for each place in the pipeline (its other coordinates are 0); times from the first action on.
struct MeasuredSchedule {
  std::vector<MeasuredRank> ranks;
  double makespan = 0;  // as parallel::Simulation has it
  double bubble = 0;    // mean over the ranks

  double bubble_of(const MeasuredRank& rank) const { return 1 - rank.busy / makespan; }
  int micro_batches() const;
};
MeasuredSchedule measured_schedule(const TracedStep& step);

}  // namespace baleen::trainer
