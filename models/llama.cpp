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
    return std::make_unique<Embedding>(unit.parameter("embed_tokens.weight"), dropout(unit, ""), options_.region);
  }

  std::unique_ptr<Module> layer(parallel::Unit& unit, int index) const {
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

  /// `values` is the unit itself, or the embedding's where the two are tied and both are here.
  std::unique_ptr<Module> head(const parallel::Unit& unit, const parallel::Unit& values, const at::Tensor& loss) const {
    const parallel::Parameter& own = unit.parameter("lm_head.weight");
    const parallel::Parameter& value = values.parameters().front();
    const LossHead::Options options{config_.vocab_size, options_.z_loss, options_.loss_chunk_elements, options_.region};
    return std::make_unique<LossHead>(value, own, options, loss);
  }

 private:
  Recompute within_layer() const {
    return options_.recompute == Recompute::block ? Recompute::none : options_.recompute;
  }

  std::unique_ptr<Module> attention(parallel::Unit& unit, int index) const {
    AttentionBlock::Options options;
    options.layer = index;
    options.shape = local_shape(unit);
    options.rope = rope_;
    options.recompute = within_layer();
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
        Linear(product(unit, {"q_proj.weight", "k_proj.weight", "v_proj.weight"}), std::move(bias), options_.region),
        std::move(qk_norm),
        ResidualLinear(product(unit, {"o_proj.weight"}), dropout(unit, "/attention"), options_.region));
  }

  std::unique_ptr<Module> mlp(parallel::Unit& unit) const {
    return std::make_unique<MlpBlock>(
        Norm(unit.parameter("post_attention_layernorm.weight"), config_.norm_eps),
        Linear(product(unit, {"gate_proj.weight", "up_proj.weight"}), {}, options_.region),
        ResidualLinear(product(unit, {"down_proj.weight"}), dropout(unit, "/mlp"), options_.region), within_layer());
  }

  Product product(parallel::Unit& unit, const std::vector<std::string>& weights) const {
    parallel::FusedParameters weight = unit.fused(weights);
    const bool in_fp8 = options_.fp8 && computes_in_fp8(weight.shape()[0], weight.shape()[1], options_.fp8_smallest);
    if (!in_fp8) return {std::move(weight), std::nullopt};
    unit.keep_in_fp8(weight, *options_.fp8);
    return {std::move(weight), options_.fp8};
  }

  Dropout dropout(const parallel::Unit& unit, const std::string& branch) const {
    return Dropout(config_.dropout, unit.spec().name + branch, options_.region);
  }

  /// The heads whose rows this tensor rank holds.
  AttentionShape local_shape(const parallel::Unit& unit) const {
    const auto heads = [&](const char* weight) {
      return unit.parameter(weight).layout->local_shape.front() / config_.head_dim();
    };
    return {heads("q_proj.weight"), heads("k_proj.weight"), config_.head_dim()};
  }

  const ModelConfig& config_;
  const ModuleOptions& options_;
  RopeTable rope_;
};

}  // namespace

Units make_llama_units(const ModelConfig& config, const std::vector<int>& held, const parallel::UnitOptions& options,
                       bool sequence_parallel) {
  const std::vector<parallel::UnitSpec> specs = llama_units(config, sequence_parallel);
  Units units;
  units.reserve(held.size());
  for (const int index : held)
    units.push_back(std::make_unique<parallel::Unit>(specs.at(static_cast<std::size_t>(index)), options));
  const bool whole = held.front() == 0 && held.back() == static_cast<int>(specs.size()) - 1;
  if (config.tie_embeddings && whole) units.back()->share_values_of(*units.front());
  return units;
}

Modules make_llama_modules(const ModelConfig& config, const std::vector<int>& held, const Units& units,
                           const ModuleOptions& options, const at::Tensor& loss) {
  const parallel::UnitOptions& types = units.front()->options();
  const LlamaBuilder build(config, options, make_rope_table(config, types.compute, types.device));
  const int norm = static_cast<int>(config.layers) + 1;

  Modules modules;
  modules.reserve(held.size());
  for (std::size_t i = 0; i < held.size(); ++i) {
    parallel::Unit& unit = *units[i];
    modules.push_back(held[i] == 0      ? build.embedding(unit)
                      : held[i] < norm  ? build.layer(unit, held[i] - 1)
                      : held[i] == norm ? build.norm(unit)
                                        : build.head(unit, unit.value_owner(), loss));
  }
  return modules;
}

}  // namespace baleen::models
