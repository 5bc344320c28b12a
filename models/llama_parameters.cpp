#include "models/llama_parameters.h"

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "core/error.h"

namespace baleen::models {
namespace {

using parallel::Initializer;
using parallel::ParameterSpec;
using parallel::TensorPlacement;
using parallel::UnitSpec;

constexpr double kStd = 0.02;
constexpr const char* kEmbedding = "model.embed_tokens.weight";

constexpr TensorPlacement split_along(int dim) {
  return {TensorPlacement::Kind::split, dim, 0};
}

/// Rows of heads that ranks may have to share.
TensorPlacement split_by_kv_head(const ModelConfig& config) {
  return {TensorPlacement::Kind::split_groups, 0, static_cast<int>(config.kv_heads)};
}

ParameterSpec matrix(std::string name, std::int64_t rows, std::int64_t columns, TensorPlacement tensor,
                     double std = kStd) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.shape = {rows, columns};
  spec.init = {Initializer::Kind::normal, std};
  spec.tensor = tensor;
  return spec;
}

/// A vector that is not decayed.
ParameterSpec vector(std::string name, std::int64_t length, Initializer::Kind init, TensorPlacement tensor) {
  ParameterSpec spec;
  spec.name = std::move(name);
  spec.shape = {length};
  spec.init = {init, 0.0};
  spec.weight_decay = false;
  spec.tensor = tensor;
  return spec;
}

/// Of the residual stream.
ParameterSpec norm(std::string name, std::int64_t length, bool sequence_parallel) {
  const auto kind = sequence_parallel ? TensorPlacement::Kind::replicated_sum : TensorPlacement::Kind::replicated;
  return vector(std::move(name), length, Initializer::Kind::ones, {kind, 0, 0});
}

/// The rows of this parameter follow those of the one before.
ParameterSpec fused(ParameterSpec spec) {
  spec.fused_with_previous = true;
  return spec;
}

ParameterSpec vocabulary_matrix(std::string name, const ModelConfig& config) {
  ParameterSpec spec = matrix(std::move(name), config.vocab_size, config.dim, split_along(0));
  spec.row_multiple = kVocabularyAlignment;
  return spec;
}

class LayerBuilder {
 public:
  LayerBuilder(const ModelConfig& config, std::int64_t layer, bool sequence_parallel)
      : config_(config),
        sequence_parallel_(sequence_parallel),
        prefix_(fmt::format("model.layers.{}.", layer)),
        residual_std_(kStd / std::sqrt(2.0 * static_cast<double>(config.layers))) {
    unit_.name = fmt::format("layer.{}", layer);
  }

  UnitSpec build() {
    add(norm(prefix_ + "input_layernorm.weight", config_.dim, sequence_parallel_));
    add_attention();
    add(norm(prefix_ + "post_attention_layernorm.weight", config_.dim, sequence_parallel_));
    add_mlp();
    return std::move(unit_);
  }

 private:
  void add(ParameterSpec spec) { unit_.parameters.push_back(std::move(spec)); }

  void add_attention() {
    const std::string attention = prefix_ + "self_attn.";
    const std::int64_t dim = config_.dim, head = config_.head_dim();
    const std::int64_t q_rows = config_.heads * head, kv_rows = config_.kv_heads * head;
    const TensorPlacement by_head = split_along(0), by_kv_head = split_by_kv_head(config_);
    add(matrix(attention + "q_proj.weight", q_rows, dim, by_head));
    add(fused(matrix(attention + "k_proj.weight", kv_rows, dim, by_kv_head)));
    add(fused(matrix(attention + "v_proj.weight", kv_rows, dim, by_kv_head)));
    if (config_.qkv_bias) {
      add(vector(attention + "q_proj.bias", q_rows, Initializer::Kind::zeros, by_head));
      add(fused(vector(attention + "k_proj.bias", kv_rows, Initializer::Kind::zeros, by_kv_head)));
      add(fused(vector(attention + "v_proj.bias", kv_rows, Initializer::Kind::zeros, by_kv_head)));
    }
    if (config_.qk_norm) {
      // One weight for all heads, of which each rank has some: their gradients are summed.
      const TensorPlacement summed{TensorPlacement::Kind::replicated_sum, 0, 0};
      add(vector(attention + "q_norm.weight", head, Initializer::Kind::ones, summed));
      add(vector(attention + "k_norm.weight", head, Initializer::Kind::ones, summed));
    }
    add(matrix(attention + "o_proj.weight", dim, q_rows, split_along(1), residual_std_));
  }

  void add_mlp() {
    const std::string mlp = prefix_ + "mlp.";
    const std::int64_t dim = config_.dim, ffn = config_.ffn_dim;
    add(matrix(mlp + "gate_proj.weight", ffn, dim, split_along(0)));
    add(fused(matrix(mlp + "up_proj.weight", ffn, dim, split_along(0))));
    add(matrix(mlp + "down_proj.weight", dim, ffn, split_along(1), residual_std_));
  }

  const ModelConfig& config_;
  const bool sequence_parallel_;
  const std::string prefix_;
  const double residual_std_;
  UnitSpec unit_;
};

}  // namespace

std::vector<UnitSpec> llama_units(const ModelConfig& config, bool sequence_parallel) {
  core::require(config.kv_heads > 0, "the model configuration is resolved");
  std::vector<UnitSpec> units;
  units.push_back({"embedding", {vocabulary_matrix(kEmbedding, config)}});
  for (std::int64_t layer = 0; layer < config.layers; ++layer)
    units.push_back(LayerBuilder(config, layer, sequence_parallel).build());
  units.push_back({"norm", {norm("model.norm.weight", config.dim, sequence_parallel)}});
  units.push_back({"head", {vocabulary_matrix("lm_head.weight", config)}});
  if (config.tie_embeddings) units.back().parameters.front().tied_to = kEmbedding;
  return units;
}

ParameterCounts count_parameters(const std::vector<UnitSpec>& units) {
  ParameterCounts counts;
  for (const UnitSpec& unit : units) {
    for (const ParameterSpec& parameter : unit.parameters) {
      const auto has = [&](const char* part) { return parameter.name.find(part) != std::string::npos; };
      std::int64_t& of_class = has("embed_tokens") ? counts.embedding
                               : has("lm_head")    ? counts.head
                               : has("self_attn")  ? counts.attention
                               : has("mlp.")       ? counts.mlp
                                                   : counts.norms;
      if (parameter.tied_to.empty()) of_class += parameter.elements();
    }
  }
  return counts;
}

}  // namespace baleen::models
