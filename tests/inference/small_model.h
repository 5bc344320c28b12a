#pragma once
// A random model small enough for tests, large enough that its next token depends on all before it.

#include <memory>

#include "models/transformer_stage.h"

namespace baleen::tests {

inline models::ModelConfig small_config() {
  models::ModelConfig config;
  config.layers = 3;
  config.dim = 48;
  config.heads = 4;
  config.kv_heads = 2;
  config.ffn_dim = 64;
  config.vocab_size = 61;
  config.max_sequence_length = 40;
  return config;
}

/// Weights are drawn wide (0.3 instead of 0.02), so that logits differ clearly.
inline std::unique_ptr<models::TransformerStage> small_model(at::ScalarType type,
                                                             models::ModelConfig config = small_config()) {
  const parallel::UnitOptions options{type, type == at::kDouble ? at::kDouble : at::kFloat, at::kCPU};
  auto stage = std::make_unique<models::TransformerStage>(config, options, models::ModuleOptions{});
  stage->initialize(7);
  for (const parallel::Unit* unit : stage->trained_units()) {
    for (const parallel::Parameter& parameter : unit->parameters()) {
      if (parameter.spec->shape.size() == 2) {
        unit->master().narrow(0, parameter.layout->offset, parameter.layout->elements).mul_(15);
      }
    }
  }
  stage->round_masters();
  return stage;
}

}  // namespace baleen::tests
