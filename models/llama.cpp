#include "models/llama.h"

#include "core/error.h"
#include "models/attention.h"
#include "models/embedding.h"
#include "models/llama_parameters.h"
#include "models/loss_head.h"
#include "models/mlp.h"
#include "models/recompute.h"

namespace baleen::models {
namespace {

/// Makes the modules of one model; holds what they share.
class LlamaBuilder {
 public:
  LlamaBuilder(const ModelConfig& config, const ModuleOptions& options, RopeTable rope)
      : config_(config), options_(options), rope_(std::move(rope)) {}

  std::unique_ptr<Module> embedding(const parallel::Unit& unit) const {
    return std::make_unique<Embedding>(unit.parameter("embed_tokens.weight"), dropout(unit, ""));
  }

  std::unique_ptr<Module> layer(const parallel::Unit& unit, int index) const {
    std::vector<std::unique_ptr<Module>> parts;
    parts.push_back(attention(unit, index));
    parts.push_back(mlp(unit));
    auto layer = std::make_unique<Sequence>(std::move(parts));
    if (options_.recompute == Recompute::block) return std::make_unique<Recomputed>(std::move(layer));
    return layer;
  }

  std::unique_ptr<Module> norm(const parallel::Unit& unit) const {
    return std::make_unique<Norm>(unit.parameter("norm.weight"), config_.norm_eps);
  }

  std::unique_ptr<Module> head(const parallel::Unit& unit, const parallel::Unit& embedding,
                               const at::Tensor& loss) const {
    const parallel::Parameter& own = unit.parameter("lm_head.weight");
    const parallel::Parameter& value = config_.tie_embeddings ? embedding.parameter("embed_tokens.weight") : own;
    const LossHead::Options options{config_.vocab_size, options_.z_loss, options_.loss_chunk_elements};
    return std::make_unique<LossHead>(value, own, options, loss);
  }

 private:
  std::unique_ptr<Module> attention(const parallel::Unit& unit, int index) const {
    AttentionBlock::Options options;
    options.layer = index;
    options.shape = {config_.heads, config_.kv_heads, config_.head_dim()};
    options.rope = rope_;
    options.recompute_norm = options_.recompute == Recompute::mlp;
    options.deterministic = options_.deterministic;

    std::optional<parallel::FusedParameters> bias;
    if (config_.qkv_bias) bias = unit.fused({"q_proj.bias", "k_proj.bias", "v_proj.bias"});
    std::optional<QkNorm> qk_norm;
    if (config_.qk_norm) {
      qk_norm.emplace(options.shape, unit.parameter("q_norm.weight"), unit.parameter("k_norm.weight"),
                      config_.norm_eps);
    }
    return std::make_unique<AttentionBlock>(
        std::move(options), Norm(unit.parameter("input_layernorm.weight"), config_.norm_eps),
        Linear(unit.fused({"q_proj.weight", "k_proj.weight", "v_proj.weight"}), std::move(bias)), std::move(qk_norm),
        ResidualLinear(unit.fused({"o_proj.weight"}), dropout(unit, "/attention")));
  }

  std::unique_ptr<Module> mlp(const parallel::Unit& unit) const {
    return std::make_unique<MlpBlock>(Norm(unit.parameter("post_attention_layernorm.weight"), config_.norm_eps),
                                      Linear(unit.fused({"gate_proj.weight", "up_proj.weight"})),
                                      ResidualLinear(unit.fused({"down_proj.weight"}), dropout(unit, "/mlp")),
                                      options_.recompute == Recompute::mlp);
  }

  Dropout dropout(const parallel::Unit& unit, const std::string& branch) const {
    return Dropout(config_.dropout, unit.spec().name + branch);
  }

  const ModelConfig& config_;
  const ModuleOptions& options_;
  RopeTable rope_;
};

}  // namespace

Units make_llama_units(const ModelConfig& config, const parallel::UnitOptions& options) {
  Units units;
  for (parallel::UnitSpec& spec : llama_units(config)) {
    parallel::UnitLayout layout = parallel::layout_unit(spec, 1, 0, 1);
    units.push_back(std::make_unique<parallel::Unit>(std::move(spec), std::move(layout), options));
  }
  return units;
}

Modules make_llama_modules(const ModelConfig& config, const Units& units, const ModuleOptions& options,
                           const at::Tensor& loss) {
  core::require(units.size() == static_cast<std::size_t>(config.layers) + 3,
                "the units of a Llama are embedding, layers, norm, head");
  const parallel::Unit& first = *units.front();
  const at::Tensor& values = first.values();
  const LlamaBuilder build(config, options, make_rope_table(config, values.scalar_type(), values.device()));

  Modules modules;
  modules.push_back(build.embedding(first));
  for (int layer = 0; layer < config.layers; ++layer) {
    modules.push_back(build.layer(*units[static_cast<std::size_t>(layer) + 1], layer));
  }
  modules.push_back(build.norm(*units[units.size() - 2]));
  modules.push_back(build.head(*units.back(), first, loss));
  return modules;
}

}  // namespace baleen::models
