#pragma once
// The schedule of a traced step as it was planned. No LibTorch.

#include <optional>
#include <string>

#include "trainer/config.h"
#include "trainer/trace_times.h"

namespace baleen::planner {

struct PlannedSchedule {
  parallel::Simulation simulation;
  std::string basis;  // where its times come from, for people
  bool of_device;     // they are predictions of `baleen plan`
};

/// With the costs that `baleen plan` has for the step's device; for a device without a table of rates, with the median
/// measured time of each unit's actions and communication that takes none. Nothing where the step did not run the
/// schedule of this configuration.
std::optional<PlannedSchedule> plan_traced_step(const trainer::Config& config, const trainer::TracedStep& step,
                                                const trainer::MeasuredSchedule& measured);

}  // namespace baleen::planner
