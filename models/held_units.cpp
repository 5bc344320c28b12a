#include "models/held_units.h"

#include "core/error.h"

namespace baleen::models {

HeldUnits whole_model(const ModelConfig& config) {
  return held_units(config, {static_cast<int>(config.layers)}, 1, 0);
}

HeldUnits held_units(const ModelConfig& config, const std::vector<int>& layers, int ranks, int rank) {
  HeldUnits held;
  const auto stages = static_cast<int>(layers.size());
  int next = 0;  // unit
  for (int stage = 0; stage < stages; ++stage) {
    const int ends = (stage == 0 ? 1 : 0) + (stage == stages - 1 ? 2 : 0);  // embedding; norm and head
    for (int end = next + layers[static_cast<std::size_t>(stage)] + ends; next < end; ++next) {
      if (stage % ranks != rank) continue;
      held.units.push_back(next);
      held.stages.push_back(stage);
    }
  }
  core::require(next == static_cast<int>(config.layers) + 3, "the stages of a pipeline hold all layers");
  return held;
}

std::vector<parallel::UnitTraits> unit_traits(const ModelConfig& config, const HeldUnits& held) {
  const int head = static_cast<int>(config.layers) + 2;
  std::vector<parallel::UnitTraits> traits;
  for (std::size_t i = 0; i < held.units.size(); ++i) {
    parallel::UnitTraits unit;
    unit.stage = held.stages[i];
    unit.backward_in_forward = held.units[i] == head;
    unit.backward_needs_values = held.units[i] != 0;
    unit.hides_gathers = held.units[i] != 0 && held.units[i] != head - 1;
    traits.push_back(unit);
  }
  return traits;
}

}  // namespace baleen::models
