#pragma once
// How long a step takes: work over measured rates, put into the simulator. No LibTorch.

#include "parallel/simulator.h"
#include "planner/hardware.h"
#include "planner/step.h"

namespace baleen::planner {

/// Seconds.
struct StepTime {
  parallel::Simulation simulation;  // forward, backward, gathers, reductions, messages
  double update = 0;                // sums between replicas and ends, norm, optimizer, and what nobody waits for

  double step() const { return simulation.makespan + update; }
};

StepTime plan_time(const PlannedStep& step, const Hardware& hardware);
/// No plan_time() of the same step is shorter: the work of the busiest rank, and the way of the first and last
/// micro-batch to it.
double least_time(const PlannedStep& step, const Hardware& hardware);

double tokens_per_second_per_gpu(const PlannedStep& step, double step_seconds);

}  // namespace baleen::planner
