// What must not change the result of a training step: recomputation, how the batch is cut, how the head cuts its
// tokens.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "models/dropout.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

using models::Recompute;

models::ModelConfig config_with(double dropout) {
  models::ModelConfig config = tiny_config();
  config.qkv_bias = config.qk_norm = config.tie_embeddings = true;
  config.dropout = dropout;
  return config;
}

struct Step {
  double loss;
  NamedTensors gradients;
};

Step run(const models::ModelConfig& config, const models::ModuleOptions& options,
         const std::vector<models::Batch>& batches, at::ScalarType compute = at::kDouble) {
  models::TransformerStage stage(config, unit_options(compute), options);
  randomize(stage, 7);
  Step step{train_step(stage, batches), gradients(stage)};
  EXPECT_EQ(stage.saved_bytes(), 0);
  return step;
}

void expect_near(const Step& actual, const Step& expected, double tolerance) {
  EXPECT_NEAR(actual.loss, expected.loss, tolerance * expected.loss);
  for (const auto& [name, gradient] : expected.gradients) {
    EXPECT_LT(relative_error(actual.gradients.at(name), gradient), tolerance) << name;
  }
}

/// Tokens of several sequences as micro-batches of one sequence each.
std::vector<models::Batch> one_by_one(const ReferenceBatch& whole) {
  std::vector<models::Batch> batches;
  for (std::size_t s = 0; s + 1 < whole.starts.size(); ++s) {
    const std::int64_t first = whole.starts[s], length = whole.starts[s + 1] - first;
    ReferenceBatch part;
    part.tokens = whole.tokens.narrow(0, first, length);
    part.targets = whole.targets.narrow(0, first, length);
    part.positions = whole.positions.narrow(0, first, length);
    part.starts = {0, static_cast<std::int32_t>(length)};
    batches.push_back(to_batch(part));
    batches.back().first_global_token = first;
  }
  return batches;
}

class Recomputation : public testing::TestWithParam<at::ScalarType> {};

TEST_P(Recomputation, GivesTheSameBits) {
  const models::ModelConfig config = config_with(0.2);
  const models::Batch batch = to_batch(random_tokens(config, {6, 9}, 8));
  const Step plain = run(config, {}, {batch}, GetParam());
  for (const Recompute recompute : {Recompute::elementwise, Recompute::mlp, Recompute::block}) {
    models::ModuleOptions options;
    options.recompute = recompute;
    const Step replayed = run(config, options, {batch}, GetParam());
    EXPECT_EQ(replayed.loss, plain.loss);
    for (const auto& [name, gradient] : plain.gradients) {
      EXPECT_TRUE(at::equal(replayed.gradients.at(name), gradient)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Recomputation, testing::Values(at::kDouble, at::kFloat, at::kBFloat16, at::kHalf));

/// Bytes kept between forward and backward by the layers alone.
std::int64_t bytes_of_layers(Recompute recompute) {
  models::ModuleOptions options;
  options.recompute = recompute;
  const models::ModelConfig config = tiny_config();
  models::TransformerStage stage(config, unit_options(at::kDouble), options);
  randomize(stage, 9);
  stage.set_batches({to_batch(random_tokens(config, {10}, 10))});
  at::Tensor x = stage.forward(0, 0, stage.input(0));
  for (int layer = 1; layer <= config.layers; ++layer) x = stage.forward(layer, 0, x);
  return stage.saved_bytes();
}

TEST(Recomputation, KeepsLess) {
  const models::ModelConfig config = tiny_config();
  const std::int64_t row = 10 * static_cast<std::int64_t>(sizeof(double)), layers = config.layers;
  const std::int64_t elementwise = 2 * config.dim + 1 + config.ffn_dim;  // both norms' outputs, rstd, activation
  const std::int64_t of_elementwise = bytes_of_layers(Recompute::elementwise);
  EXPECT_EQ(bytes_of_layers(Recompute::none) - of_elementwise, layers * row * elementwise);
  EXPECT_EQ(of_elementwise - bytes_of_layers(Recompute::mlp), layers * row * 2 * config.ffn_dim) << "gate and up";
  EXPECT_EQ(bytes_of_layers(Recompute::block), layers * row * config.dim);
}

TEST(MicroBatches, AddUpToTheWhole) {
  const models::ModelConfig config = config_with(0.0);
  const ReferenceBatch whole = random_tokens(config, {6, 9, 1}, 11);
  expect_near(run(config, {}, one_by_one(whole)), run(config, {}, {to_batch(whole)}), 1e-12);
}

TEST(MicroBatches, DropTheSameElementsHoweverTheBatchIsCut) {
  const models::ModelConfig config = config_with(0.4);
  const ReferenceBatch whole = random_tokens(config, {6, 9, 1}, 11);
  const Step uncut = run(config, {}, {to_batch(whole)});
  expect_near(run(config, {}, one_by_one(whole)), uncut, 1e-12);

  models::Batch other_step = to_batch(whole);
  other_step.step = 1;
  EXPECT_NE(run(config, {}, {other_step}).loss, uncut.loss);
}

TEST(Dropout, KeepsTheMean) {
  constexpr double kP = 0.3;
  constexpr std::int64_t kTokens = 4096, kDim = 16;
  models::Batch batch;
  const models::Dropout dropout(kP, "layer.0/mlp"), elsewhere(kP, "layer.1/mlp");
  const at::Tensor dropped = dropout.forward(at::ones({kTokens, kDim}, at::kDouble), batch);
  const double sigma = std::sqrt(kP / (1 - kP) / static_cast<double>(dropped.numel()));
  EXPECT_NEAR(dropped.mean().item<double>(), 1.0, 5 * sigma);
  EXPECT_FALSE(at::equal(dropped, elsewhere.forward(at::ones({kTokens, kDim}, at::kDouble), batch)));
  EXPECT_TRUE(dropout.active(batch));
  batch.mode = models::Mode::evaluate;
  EXPECT_FALSE(dropout.active(batch));
}

TEST(LossHead, ChunksGiveTheSameLossAndGradients) {
  const models::ModelConfig config = tiny_config();
  const models::Batch batch = to_batch(random_tokens(config, {17}, 12));
  const Step whole = run(config, {}, {batch, batch});
  for (const std::int64_t rows : {1, 4, 5, 16}) {
    models::ModuleOptions options;
    options.loss_chunk_elements = rows * 128;  // the padded vocabulary
    expect_near(run(config, options, {batch, batch}), whole, 1e-12);
  }
}

TEST(TransformerStage, RefusesNewBatchesWhileBackwardsAreDue) {
  const models::ModelConfig config = tiny_config();
  models::TransformerStage stage(config, unit_options(at::kFloat), {});
  stage.initialize(1);
  stage.set_batches({to_batch(random_tokens(config, {4}, 1))});
  stage.forward(1, 0, stage.forward(0, 0, stage.input(0)));
  EXPECT_THROW(stage.set_batches({}), core::Error);
}

TEST(TransformerStage, TrainsATiedHeadThroughTheEmbedding) {
  const models::TransformerStage tied(config_with(0.0), unit_options(at::kFloat), {});
  const models::TransformerStage untied(tiny_config(), unit_options(at::kFloat), {});
  EXPECT_EQ(tied.trained_units().size() + 1, tied.units().size());
  EXPECT_EQ(untied.trained_units().size(), untied.units().size());
  EXPECT_TRUE(tied.traits().back().backward_in_forward);
}

}  // namespace
}  // namespace baleen::tests
