#pragma once
// The parameters of the Llama family by unit, without their numbers: what planner, checkpoint and export read. No
// LibTorch.

#include <cstdint>
#include <vector>

#include "models/model_config.h"
#include "parallel/parameter_spec.h"

namespace baleen::models {

/// Vocabulary rows are held in multiples of this on each tensor rank.
inline constexpr std::int64_t kVocabularyAlignment = 128;

/// "embedding", "layer.0", ..., "norm", "head", in the order of the forward. `config` is resolved.
/// q, k, v (weights, biases) and gate, up are fused. Norms and biases are not decayed. o_proj and down_proj, which
/// write into the residual stream, start with std 0.02 / sqrt(2 layers), the others with 0.02 (GPT-2, Radford et al.
/// 2019). The head has its own lm_head.weight even where embeddings are tied; tied_to then names the embedding's.
/// sequence_parallel: each tensor rank norms its own tokens, so the gradients of the residual stream's norms are to be
/// summed.
std::vector<parallel::UnitSpec> llama_units(const ModelConfig& config, bool sequence_parallel = false);

struct ParameterCounts {
  std::int64_t embedding = 0;
  std::int64_t attention = 0;  // with biases and norms of Q and K
  std::int64_t mlp = 0;
  std::int64_t norms = 0;  // of the residual stream
  std::int64_t head = 0;   // 0 where tied

  std::int64_t total() const { return embedding + attention + mlp + norms + head; }
};

ParameterCounts count_parameters(const std::vector<parallel::UnitSpec>& units);

}  // namespace baleen::models
