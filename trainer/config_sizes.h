#pragma once
// Sizes that no machine holds, found before anything multiplies them in 64 bits.

#include <string>
#include <vector>

#include "models/model_config.h"
#include "trainer/training_config.h"

namespace baleen::trainer {

struct SizeProblem {
  std::vector<const char*> keys;  // that make it up
  std::string message;
};

/// Each value alone is in its range. Where this returns nothing, what check and plan count stays inside 64 bits.
std::vector<SizeProblem> size_problems(const models::ModelConfig& model, const TrainingConfig& training);

}  // namespace baleen::trainer
