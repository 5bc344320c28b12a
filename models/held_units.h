#pragma once
// The part of the model that one pipeline rank holds. No LibTorch.

#include <vector>

#include "models/model_config.h"
#include "parallel/schedule.h"

namespace baleen::models {

/// In the order of the forward.
struct HeldUnits {
  std::vector<int> units;   // indices of llama_units()
  std::vector<int> stages;  // the pipeline's stage of each
};

HeldUnits whole_model(const ModelConfig& config);

/// layers: of every stage of the pipeline. The first stage has the embedding too, the last one norm and head; stage s
/// is on rank s % ranks.
HeldUnits held_units(const ModelConfig& config, const std::vector<int>& layers, int ranks, int rank);

/// For lowering a schedule onto these units.
std::vector<parallel::UnitTraits> unit_traits(const ModelConfig& config, const HeldUnits& held);

}  // namespace baleen::models
