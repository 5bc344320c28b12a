#pragma once
// Section `model`: the shape of a transformer. No LibTorch.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::models {

enum class RopeScaling { none, linear, llama3 };

struct ModelConfig {
  std::string family = "llama";
  std::int64_t layers = 4;
  std::int64_t dim = 192;
  std::int64_t heads = 6;
  std::int64_t kv_heads = 0;  // 0 in a file: heads. resolve() puts in the number; everything else reads it resolved
  std::int64_t ffn_dim = 512;
  std::int64_t vocab_size = 257;
  std::int64_t max_sequence_length = 1024;
  double rope_theta = 10000.0;
  RopeScaling rope_scaling = RopeScaling::none;
  double rope_factor = 8.0;                         // linear, llama3
  double rope_low_freq_factor = 1.0;                // llama3
  double rope_high_freq_factor = 4.0;               // llama3
  std::int64_t rope_original_max_positions = 8192;  // llama3: the context that the model was first trained with
  double norm_eps = 1e-5;
  bool tie_embeddings = false;
  bool qkv_bias = false;
  bool qk_norm = false;
  double dropout = 0.0;

  std::int64_t head_dim() const { return dim / heads; }
  /// Puts in what follows from other keys.
  void resolve() {
    if (kv_heads == 0) kv_heads = heads;
  }
};

const core::Section<ModelConfig>& model_section();

}  // namespace baleen::models
