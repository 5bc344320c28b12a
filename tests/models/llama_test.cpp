// The whole model in FP64 against the textbook reference and against finite differences.

#include "models/llama.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

struct Case {
  std::string name;
  std::function<void(models::ModelConfig&)> change;
  std::vector<std::int32_t> lengths = {9};
  double z_loss = 0.0;
};

std::vector<Case> cases() {
  using models::ModelConfig;
  using models::RopeScaling;
  const auto scaled = [](ModelConfig& c, RopeScaling scaling) {
    c.rope_scaling = scaling;
    c.rope_factor = 4.0;
    c.rope_low_freq_factor = 1.0;
    c.rope_high_freq_factor = 4.0;
    c.rope_original_max_positions = 16;
  };
  return {
      {"grouped_query", [](ModelConfig&) {}},
      {"multi_head", [](ModelConfig& c) { c.kv_heads = 4; }},
      {"multi_query_one_layer",
       [](ModelConfig& c) {
         c.kv_heads = 1;
         c.layers = 1;
       }},
      {"packed_documents", [](ModelConfig&) {}, {5, 1, 7, 3}},
      {"qwen2_bias", [](ModelConfig& c) { c.qkv_bias = true; }, {4, 6}},
      {"qwen3_qk_norm", [](ModelConfig& c) { c.qk_norm = true; }, {4, 6}},
      {"tied", [](ModelConfig& c) { c.tie_embeddings = true; }, {8}},
      {"rope_linear", [&](ModelConfig& c) { scaled(c, RopeScaling::linear); }, {12, 4}},
      {"rope_llama3", [&](ModelConfig& c) { scaled(c, RopeScaling::llama3); }, {12, 4}},
      {"z_loss", [](ModelConfig&) {}, {9}, 1e-2},
      {"everything",
       [&](ModelConfig& c) {
         scaled(c, RopeScaling::llama3);
         c.qkv_bias = c.qk_norm = c.tie_embeddings = true;
       },
       {3, 8, 1},
       1e-3},
  };
}

class Llama : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    config_ = tiny_config();
    GetParam().change(config_);
    options_.z_loss = GetParam().z_loss;
    stage_ = std::make_unique<models::TransformerStage>(config_, unit_options(at::kDouble), options_);
    randomize(*stage_, 1);
    tokens_ = random_tokens(config_, GetParam().lengths, 2);
  }

  /// The loss as training measures it, of a forward whose backward never comes.
  double training_loss(const models::Batch& batch) {
    const models::Modules modules = models::make_llama_modules(config_, models::whole_model(config_).units,
                                                               stage_->units(), options_, stage_->loss());
    std::vector<models::Saved> saved(modules.size());
    stage_->reset_loss();
    at::Tensor x = batch.tokens;
    for (std::size_t unit = 0; unit < modules.size(); ++unit) x = modules[unit]->forward(x, batch, saved[unit]);
    return stage_->loss().item<double>();
  }

  models::ModelConfig config_;
  models::ModuleOptions options_;
  std::unique_ptr<models::TransformerStage> stage_;
  ReferenceBatch tokens_;
};

TEST_P(Llama, LogitsLossAndGradientsEqualTheReference) {
  constexpr double kScale = 0.37;
  const ReferenceLlama reference(config_, master_values(*stage_));
  const at::Tensor expected_loss = reference.loss(tokens_, GetParam().z_loss);
  const NamedTensors expected = reference.gradients(expected_loss * kScale);

  const models::Batch batch = to_batch(tokens_, kScale);
  const double loss = train_step(*stage_, {batch});
  EXPECT_NEAR(loss, expected_loss.item<double>(), 1e-12 * loss);
  EXPECT_NEAR(evaluate(*stage_, batch), reference.loss(tokens_, 0.0).item<double>(), 1e-12 * loss)
      << "an evaluation measures the cross-entropy alone";
  const NamedTensors actual = gradients(*stage_);
  ASSERT_EQ(actual.size(), expected.size());
  for (const auto& [name, gradient] : expected) EXPECT_LT(relative_error(actual.at(name), gradient), 1e-10) << name;

  const at::Tensor all = stage_->logits(batch, models::TransformerStage::Rows::all);
  ASSERT_EQ(all.sizes(), (at::IntArrayRef{tokens_.starts.back(), config_.vocab_size}));
  EXPECT_LT(relative_error(all, reference.logits(tokens_)), 1e-12);
}

TEST_P(Llama, GradientsEqualFiniteDifferences) {
  const models::Batch batch = to_batch(tokens_);
  train_step(*stage_, {batch});
  NamedTensors trained;  // copies: each forward of the head below writes its gradient
  for (const auto& [name, gradient] : gradients(*stage_)) trained[name] = gradient.clone();
  constexpr double kStep = 1e-3;
  for (parallel::Unit* unit : stage_->trained_units()) {
    for (const parallel::Parameter& parameter : unit->parameters()) {
      const at::Tensor values = parameter.value.view(-1), gradient = trained.at(parameter.spec->name).view(-1);
      const double largest = gradient.abs().max().item<double>();
      for (std::int64_t i = 0; i < parameter.spec->elements(); i += 1 + parameter.spec->elements() / 3) {
        double* x = values.mutable_data_ptr<double>() + i;
        const double at = *x;
        const auto loss_at = [&](double offset) {
          *x = at + offset;
          return training_loss(batch);
        };
        const double difference =
            (8 * (loss_at(kStep) - loss_at(-kStep)) - (loss_at(2 * kStep) - loss_at(-2 * kStep))) / (12 * kStep);
        *x = at;
        EXPECT_NEAR(gradient[i].item<double>(), difference, 1e-7 * largest) << parameter.spec->name << "[" << i << "]";
      }
    }
  }
}

TEST_P(Llama, LastRowsAreThoseOfAll) {
  const models::Batch batch = to_batch(tokens_);
  const at::Tensor all = stage_->logits(batch, models::TransformerStage::Rows::all);
  const at::Tensor last = stage_->logits(batch, models::TransformerStage::Rows::last);
  ASSERT_EQ(last.size(0), static_cast<std::int64_t>(GetParam().lengths.size()));
  for (std::int64_t s = 0; s < last.size(0); ++s) {
    const std::int64_t row = tokens_.starts[static_cast<std::size_t>(s) + 1] - 1;
    EXPECT_LT(relative_error(last[s], all[row]), 1e-14);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Llama, testing::ValuesIn(cases()), [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace baleen::tests
