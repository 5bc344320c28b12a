// The model on a GPU: FP64 and FP32 as on the CPU, BF16 and FP16 as good as the textbook in the same type, always the
// same bits again.

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

using models::Recompute;
using Rows = models::TransformerStage::Rows;

models::ModelConfig config() {
  models::ModelConfig config = tiny_config();
  config.dim = 128;
  config.heads = 4;
  config.kv_heads = 2;
  config.ffn_dim = 160;
  config.vocab_size = 301;
  config.max_sequence_length = 128;
  config.qkv_bias = config.qk_norm = true;
  return config;
}

ReferenceBatch tokens() {
  return random_tokens(config(), {100, 1, 63, 92}, 21);
}

struct Step {
  double loss;
  at::Tensor logits;
  NamedTensors gradients, values;
};

Step run(at::ScalarType compute, at::Device device, Recompute recompute = Recompute::none, double dropout = 0.0,
         std::optional<kernels::Fp8Recipe> fp8 = std::nullopt) {
  models::ModelConfig shape = config();
  shape.dropout = dropout;
  models::ModuleOptions options;
  options.recompute = recompute;
  options.fp8 = fp8;
  options.fp8_smallest = 1;
  models::TransformerStage stage(shape, unit_options(compute, device), options);
  randomize(stage, 22);
  const models::Batch batch = to_batch(tokens(), 1.0, device);
  Step step;
  step.loss = train_step(stage, {batch, batch});
  step.gradients = gradients(stage);
  step.logits = stage.logits(batch, Rows::all).cpu();
  for (const auto& [name, value] : master_values(stage)) step.values[name] = value.to(compute);
  return step;
}

class SameAsCpu : public testing::TestWithParam<std::pair<at::ScalarType, double>> {};

TEST_P(SameAsCpu, LossLogitsAndGradients) {
  const auto [type, tolerance] = GetParam();
  for (const double dropout : {0.0, 0.3}) {
    const Step cpu = run(type, at::kCPU, Recompute::none, dropout),
               gpu = run(type, at::kCUDA, Recompute::none, dropout);
    EXPECT_NEAR(gpu.loss, cpu.loss, tolerance * cpu.loss);
    EXPECT_LT(relative_error(gpu.logits, cpu.logits), tolerance);
    for (const auto& [name, gradient] : cpu.gradients) {
      EXPECT_LT(relative_error(gpu.gradients.at(name), gradient), tolerance) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SameAsCpu, testing::Values(std::pair{at::kDouble, 1e-10}, std::pair{at::kFloat, 1e-4}));

class HalfOnGpu : public testing::TestWithParam<at::ScalarType> {};

TEST_P(HalfOnGpu, IsAsGoodAsThePlainComputation) {
  const Step step = run(GetParam(), at::kCUDA);
  const ReferenceLlama exact(config(), step.values), plain(config(), step.values, GetParam());
  const at::Tensor expected = exact.logits(tokens());
  EXPECT_LT(relative_error(step.logits, expected), 2 * relative_error(plain.logits(tokens()), expected));
  const NamedTensors gradients = exact.gradients(2 * exact.loss(tokens(), 0.0)),
                     rounded = plain.gradients(2 * plain.loss(tokens(), 0.0));
  for (const auto& [name, gradient] : gradients) {
    EXPECT_LT(relative_error(step.gradients.at(name), gradient), 3 * relative_error(rounded.at(name), gradient))
        << name;
  }
}

TEST_P(HalfOnGpu, GivesTheSameBitsAgainAndWithRecomputation) {
  const Step first = run(GetParam(), at::kCUDA, Recompute::none, 0.2);
  for (const Recompute recompute : {Recompute::none, Recompute::elementwise, Recompute::mlp, Recompute::block}) {
    const Step again = run(GetParam(), at::kCUDA, recompute, 0.2);
    EXPECT_EQ(again.loss, first.loss);
    for (const auto& [name, gradient] : first.gradients) {
      EXPECT_TRUE(at::equal(again.gradients.at(name), gradient)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, HalfOnGpu, testing::Values(at::kBFloat16, at::kHalf),
                         [](const auto& one) { return one.param == at::kHalf ? "fp16" : "bf16"; });

class Fp8OnGpu : public testing::TestWithParam<kernels::Fp8Recipe> {};

TEST_P(Fp8OnGpu, IsAsNearToFp64AsTheDefinition) {
  const Step gpu = run(at::kBFloat16, at::kCUDA, Recompute::none, 0.0, GetParam()),
             cpu = run(at::kBFloat16, at::kCPU, Recompute::none, 0.0, GetParam());
  EXPECT_NE(gpu.loss, run(at::kBFloat16, at::kCUDA).loss);
  const ReferenceLlama exact(config(), cpu.values);
  const NamedTensors gradients = exact.gradients(2 * exact.loss(tokens(), 0.0));
  const auto distance = [](const at::Tensor& actual, const at::Tensor& expected) {
    return ((actual.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
  };
  for (const auto& [name, gradient] : gradients)
    EXPECT_LT(distance(gpu.gradients.at(name), gradient), 1.5 * distance(cpu.gradients.at(name), gradient)) << name;
}

TEST_P(Fp8OnGpu, GivesTheSameBitsAgainAndWithRecomputation) {
  const Step first = run(at::kBFloat16, at::kCUDA, Recompute::none, 0.2, GetParam());
  for (const Recompute recompute : {Recompute::none, Recompute::elementwise, Recompute::mlp, Recompute::block}) {
    const Step again = run(at::kBFloat16, at::kCUDA, recompute, 0.2, GetParam());
    EXPECT_EQ(again.loss, first.loss);
    for (const auto& [name, gradient] : first.gradients) {
      EXPECT_TRUE(at::equal(again.gradients.at(name), gradient)) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Recipes, Fp8OnGpu, testing::Values(kernels::Fp8Recipe::tensor, kernels::Fp8Recipe::block),
                         [](const auto& one) { return one.param == kernels::Fp8Recipe::tensor ? "tensor" : "block"; });

}  // namespace
}  // namespace baleen::tests
