// The list of a Llama's parameters: names, shapes, order, and how they are decayed, initialised, split and fused.

#include "models/llama_parameters.h"

#include <gmock/gmock.h>

#include <cmath>
#include <stdexcept>

#include "core/error.h"

namespace baleen::models {
namespace {

using parallel::Initializer;
using parallel::ParameterSpec;
using parallel::TensorPlacement;
using testing::ElementsAre;

ModelConfig full_config() {
  ModelConfig config;
  config.layers = 2;
  config.dim = 48;
  config.heads = 4;
  config.kv_heads = 2;
  config.ffn_dim = 80;
  config.vocab_size = 300;
  config.qkv_bias = true;
  config.qk_norm = true;
  return config;
}

std::vector<std::string> names_of(const parallel::UnitSpec& unit) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : unit.parameters) names.push_back(parameter.name);
  return names;
}

const ParameterSpec& find(const std::vector<parallel::UnitSpec>& units, const std::string& name) {
  for (const auto& unit : units)
    for (const ParameterSpec& parameter : unit.parameters)
      if (parameter.name == name) return parameter;
  throw std::runtime_error("no parameter " + name);
}

TEST(LlamaUnits, HaveHuggingFaceNamesInTheOrderOfTheForward) {
  const auto units = llama_units(full_config());
  ASSERT_EQ(units.size(), 5u);
  EXPECT_EQ(units[0].name, "embedding");
  EXPECT_EQ(units[2].name, "layer.1");
  EXPECT_EQ(units[3].name, "norm");
  EXPECT_EQ(units[4].name, "head");
  EXPECT_THAT(names_of(units[0]), ElementsAre("model.embed_tokens.weight"));
  const std::string layer = "model.layers.1.";
  EXPECT_THAT(names_of(units[2]), ElementsAre(layer + "input_layernorm.weight", layer + "self_attn.q_proj.weight",
                                              layer + "self_attn.k_proj.weight", layer + "self_attn.v_proj.weight",
                                              layer + "self_attn.q_proj.bias", layer + "self_attn.k_proj.bias",
                                              layer + "self_attn.v_proj.bias", layer + "self_attn.q_norm.weight",
                                              layer + "self_attn.k_norm.weight", layer + "self_attn.o_proj.weight",
                                              layer + "post_attention_layernorm.weight", layer + "mlp.gate_proj.weight",
                                              layer + "mlp.up_proj.weight", layer + "mlp.down_proj.weight"));
  EXPECT_THAT(names_of(units[3]), ElementsAre("model.norm.weight"));
  EXPECT_THAT(names_of(units[4]), ElementsAre("lm_head.weight"));
}

TEST(LlamaUnits, BiasesAndHeadNormsAreOptional) {
  ModelConfig config = full_config();
  config.qkv_bias = config.qk_norm = false;
  EXPECT_EQ(llama_units(config)[1].parameters.size(), 9u);
}

TEST(LlamaUnits, HaveTheShapesOfGroupedQueryAttention) {
  const auto units = llama_units(full_config());
  EXPECT_THAT(find(units, "model.layers.0.self_attn.q_proj.weight").shape, ElementsAre(48, 48));
  EXPECT_THAT(find(units, "model.layers.0.self_attn.k_proj.weight").shape, ElementsAre(24, 48));
  EXPECT_THAT(find(units, "model.layers.0.self_attn.v_proj.bias").shape, ElementsAre(24));
  EXPECT_THAT(find(units, "model.layers.0.self_attn.q_norm.weight").shape, ElementsAre(12));
  EXPECT_THAT(find(units, "model.layers.0.mlp.down_proj.weight").shape, ElementsAre(48, 80));
  EXPECT_THAT(find(units, "lm_head.weight").shape, ElementsAre(300, 48));
}

TEST(LlamaUnits, VocabularyRowsArePadded) {
  const auto units = llama_units(full_config());
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight"}) {
    for (const auto& [parts, rows] : {std::pair{1, 384}, {2, 512}, {3, 384}, {4, 512}})
      EXPECT_EQ(find(units, name).rows(parts), rows) << name;
    EXPECT_EQ(find(units, name).elements(), 300 * 48) << name;
  }
}

TEST(LlamaUnits, FuseWhatOneProductReads) {
  std::vector<std::string> fused;
  const auto units = llama_units(full_config());
  for (const ParameterSpec& parameter : units[1].parameters)
    if (parameter.fused_with_previous) fused.push_back(parameter.name.substr(std::string("model.layers.0.").size()));
  EXPECT_THAT(fused, ElementsAre("self_attn.k_proj.weight", "self_attn.v_proj.weight", "self_attn.k_proj.bias",
                                 "self_attn.v_proj.bias", "mlp.up_proj.weight"));
}

TEST(LlamaUnits, DecayMatricesOnly) {
  for (const auto& unit : llama_units(full_config()))
    for (const ParameterSpec& parameter : unit.parameters)
      EXPECT_EQ(parameter.weight_decay, parameter.shape.size() == 2) << parameter.name;
}

TEST(LlamaUnits, StartSmallerWhereTheyWriteIntoTheResidualStream) {
  for (const auto& unit : llama_units(full_config()))
    for (const ParameterSpec& parameter : unit.parameters) {
      const bool residual = parameter.name.ends_with("o_proj.weight") || parameter.name.ends_with("down_proj.weight");
      const bool norm = parameter.name.find("norm") != std::string::npos;
      if (norm) {
        EXPECT_EQ(parameter.init.kind, Initializer::Kind::ones) << parameter.name;
      } else if (parameter.name.ends_with("bias")) {
        EXPECT_EQ(parameter.init.kind, Initializer::Kind::zeros) << parameter.name;
      } else {
        EXPECT_EQ(parameter.init.kind, Initializer::Kind::normal) << parameter.name;
        EXPECT_DOUBLE_EQ(parameter.init.std, residual ? 0.02 / std::sqrt(4.0) : 0.02) << parameter.name;
      }
    }
}

TEST(LlamaUnits, LieOnTheTensorAxisAsMegatronCutsThem) {
  const auto units = llama_units(full_config());
  const auto placed = [&](const std::string& name) { return find(units, name).tensor; };
  using Kind = TensorPlacement::Kind;
  for (const char* rows : {"model.embed_tokens.weight", "lm_head.weight", "model.layers.0.self_attn.q_proj.weight",
                           "model.layers.0.self_attn.q_proj.bias", "model.layers.0.mlp.gate_proj.weight"}) {
    EXPECT_EQ(placed(rows).kind, Kind::split) << rows;
    EXPECT_EQ(placed(rows).dim, 0) << rows;
  }
  for (const char* columns : {"model.layers.0.self_attn.o_proj.weight", "model.layers.0.mlp.down_proj.weight"}) {
    EXPECT_EQ(placed(columns).kind, Kind::split) << columns;
    EXPECT_EQ(placed(columns).dim, 1) << columns;
  }
  EXPECT_EQ(placed("model.layers.0.self_attn.v_proj.weight").kind, Kind::split_groups);
  EXPECT_EQ(placed("model.layers.0.self_attn.v_proj.weight").groups, 2);
  EXPECT_EQ(placed("model.layers.0.self_attn.k_norm.weight").kind, Kind::replicated_sum);
  EXPECT_EQ(placed("model.layers.0.input_layernorm.weight").kind, Kind::replicated);
}

TEST(LlamaUnits, TiedHeadNamesTheEmbedding) {
  ModelConfig config = full_config();
  EXPECT_EQ(find(llama_units(config), "lm_head.weight").tied_to, "");
  config.tie_embeddings = true;
  EXPECT_EQ(find(llama_units(config), "lm_head.weight").tied_to, "model.embed_tokens.weight");
}

TEST(LlamaUnits, WantAResolvedConfiguration) {
  ModelConfig config = full_config();
  config.kv_heads = 0;
  EXPECT_THROW(llama_units(config), core::Error);
  config.resolve();
  EXPECT_EQ(config.kv_heads, config.heads);
}

TEST(CountParameters, SumsByClassAndLeavesOutTheTiedHead) {
  ModelConfig config = full_config();
  const auto counted = [&] { return count_parameters(llama_units(config)); };
  const std::int64_t attention = 48 * 48 * 2 + 24 * 48 * 2 + 48 + 24 * 2 + 12 * 2;
  EXPECT_EQ(counted().embedding, 300 * 48);
  EXPECT_EQ(counted().attention, 2 * attention);
  EXPECT_EQ(counted().mlp, 2 * 3 * 48 * 80);
  EXPECT_EQ(counted().norms, 5 * 48);
  EXPECT_EQ(counted().head, 300 * 48);
  const std::int64_t untied = counted().total();
  config.tie_embeddings = true;
  EXPECT_EQ(counted().head, 0);
  EXPECT_EQ(counted().total(), untied - 300 * 48);
}

}  // namespace
}  // namespace baleen::models
