#pragma once
// What one rank did in a step, with times. No LibTorch.

#include <cstdint>
#include <string>
#include <vector>

#include "parallel/schedule.h"

namespace baleen::parallel {

struct TracedSpan {
  enum class Kind : std::uint8_t {
    step,       // the whole of it
    phase,      // what the trainer does outside the schedule: batches, optimizer, ...
    action,     // of the schedule, on the stream that computes
    wait,       // that stream stands still until an operation is over; lies inside a phase or an action
    operation,  // of a communicator, beside compute; its peers' part of waiting included
  };
  Kind kind = Kind::phase;
  std::string name;        // a phase's; an action's op ("forward"); of wait and operation the collective ("all_gather")
  std::string axis{};      // of wait and operation: the communicator, as parallel/mesh.h names them
  UnitAction action{};     // of an action
  std::string unit{};      // and its unit: "layer.0"
  int stage = -1;          // and its stage of the pipeline
  std::int64_t bytes = 0;  // of an operation, as parallel/traffic.h counts them
  double start = 0, end = 0;  // seconds
};

/// In the order in which the host came to them: actions in that of the schedule.
using RankTrace = std::vector<TracedSpan>;

}  // namespace baleen::parallel
