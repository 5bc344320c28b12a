#pragma once
// Section `training`: how long, in what portions, and what the backward keeps.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::trainer {

constexpr std::int64_t kMostSequences = 1 << 24;  // of a step

struct TrainingConfig {
  std::int64_t steps = 100;
  std::int64_t global_batch_size = 16;  // sequences
  std::int64_t micro_batch_size = 4;    // sequences
  std::int64_t sequence_length = 128;   // tokens
  std::string recompute = "none";       // of models::kRecomputeNames
  double z_loss = 0.0;
  std::int64_t validate_every = 0;  // steps; 0: only at the end
  std::int64_t validation_sequences = 64;

  std::int64_t tokens_per_step() const { return global_batch_size * sequence_length; }
};

const core::Section<TrainingConfig>& training_section();

}  // namespace baleen::trainer
