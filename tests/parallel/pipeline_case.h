#pragma once
// A small model over a pipeline, lowered for all ranks: what the tests of schedules and of the simulator run.

#include <string>

#include "parallel/simulator.h"

namespace baleen::parallel {

struct PipelineCase {
  std::string schedule = "1f1b";  // "forward": forward only
  PipelineShape shape = {};
  LoweringOptions options = {};
  int layers = 1;  // of each stage
  /// Of a stage's layers together; the embedding and the head cost nothing.
  double forward = 1, backward_input = 1, backward_weight = 1;
  double gather = 0, reduce = 0, message = 0;

  bool trains() const { return schedule != "forward"; }
  SimulationOptions simulation() const { return {shape.micro_batches, trains(), options, message}; }
};

inline std::vector<StageSchedule> stage_schedules(const PipelineCase& c) {
  return c.trains() ? build_schedule(c.schedule, c.shape) : forward_schedule(c.shape);
}

/// The embedding in the first stage, `layers` in each, the head with the loss in the last.
inline SimulatedRank units_of_rank(const PipelineCase& c, int rank) {
  SimulatedRank units;
  const UnitCosts free{.forward = 0, .backward_input = 0, .backward_weight = 0, .gather = c.gather, .reduce = c.reduce};
  for (int stage = rank; stage < c.shape.stages(); stage += c.shape.ranks) {
    if (stage == 0) {
      units.units.push_back({.stage = stage, .backward_needs_values = false, .hides_gathers = false});
      units.costs.push_back(free);
    }
    for (int layer = 0; layer < c.layers; ++layer) {
      units.units.push_back({.stage = stage});
      units.costs.push_back({.forward = c.forward / c.layers,
                             .backward_input = c.backward_input / c.layers,
                             .backward_weight = c.backward_weight / c.layers,
                             .gather = c.gather,
                             .reduce = c.reduce,
                             .activation_bytes = 10,
                             .operand_bytes = 4,
                             .gathered_bytes = 100});
    }
    if (stage == c.shape.stages() - 1) {
      units.units.push_back({.stage = stage, .backward_in_forward = true});
      units.costs.push_back(free);
    }
  }
  return units;
}

inline std::vector<SimulatedRank> lower_all(const PipelineCase& c) {
  std::vector<SimulatedRank> ranks;
  const std::vector<StageSchedule> schedules = stage_schedules(c);
  for (int rank = 0; rank < c.shape.ranks; ++rank) {
    ranks.push_back(units_of_rank(c, rank));
    ranks.back().schedule = lower(schedules, rank, ranks.back().units, c.options);
  }
  return ranks;
}

inline Simulation simulate(const PipelineCase& c) {
  return simulate(lower_all(c), c.simulation());
}

}  // namespace baleen::parallel
