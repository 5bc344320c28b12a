// Linear layers in FP8: their products against FP64 ones, what is quantized and how often, what is kept.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <functional>
#include <string_view>

#include "models/fp8_linears.h"
#include "models/product.h"
#include "parallel/mesh.h"
#include "parallel/thread_communicator.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

using kernels::Fp8Recipe;
using models::Recompute;

constexpr std::int64_t kTokens = 64;

models::ModelConfig fp8_config() {
  models::ModelConfig config = tiny_config();
  config.dim = 64;
  config.ffn_dim = 96;
  config.max_sequence_length = kTokens;
  return config;
}

models::ModuleOptions fp8_options(Fp8Recipe recipe, Recompute recompute = Recompute::none) {
  models::ModuleOptions options;
  options.fp8 = recipe;
  options.fp8_smallest = 1;
  options.recompute = recompute;
  return options;
}

models::Batch batch_of(int seed = 14, std::int32_t tokens = kTokens) {
  return to_batch(random_tokens(fp8_config(), {tokens - 24, 24}, seed));
}

/// ‖actual - expected‖ / ‖expected‖.
double relative_distance(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kDouble);
  return ((actual.to(at::kDouble) - wide).norm() / wide.norm()).item<double>();
}

class Fp8 : public testing::TestWithParam<Fp8Recipe> {
 protected:
  models::TransformerStage stage(const models::ModuleOptions& options) {
    models::TransformerStage made(fp8_config(), unit_options(at::kBFloat16), options);
    randomize(made, 13);
    return made;
  }
};

TEST_P(Fp8, ProductsAreNearThoseInFp64) {
  const models::Units units =
      models::make_llama_units(fp8_config(), models::whole_model(fp8_config()).units, unit_options(at::kBFloat16));
  parallel::Unit& layer = *units[1];
  const parallel::FusedParameters weight = layer.fused({"gate_proj.weight", "up_proj.weight"});
  const at::Generator generator = at::detail::createCPUGenerator(1);
  const auto normal = [&](std::int64_t rows, std::int64_t columns) {
    return at::randn({rows, columns}, generator, at::kDouble).to(at::kBFloat16);
  };
  const std::int64_t out = weight.shape()[0], in = weight.shape()[1];
  weight.value().copy_(normal(out, in));
  layer.keep_in_fp8(weight, GetParam());
  layer.await_values();
  const models::Product product(weight, GetParam());
  const models::Batch batch = batch_of();
  const at::Tensor x = normal(kTokens, in), dy = normal(kTokens, out);
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };

  const models::Operand operand = product.operand(x, batch);
  EXPECT_TRUE(operand.in_fp8());
  EXPECT_LT(relative_distance(product.forward(operand), at::matmul(wide(x), wide(weight.value()).t())), 0.05);

  models::Saved saved;
  saved.push(operand);
  EXPECT_LT(saved.bytes(), 0.6 * static_cast<double>(x.nbytes())) << "the transpose alone";
  EXPECT_LT(
      relative_distance(product.backward(dy, saved.pop_operand(), saved), at::matmul(wide(dy), wide(weight.value()))),
      0.05);
  layer.begin_gradient();
  saved.weight_gradients().run();
  EXPECT_LT(relative_distance(weight.grad(), at::matmul(wide(dy).t(), wide(x))), 0.05);
}

TEST_P(Fp8, AStepIsNearThatInBf16) {
  models::TransformerStage fp8 = stage(fp8_options(GetParam())), bf16 = stage({});
  for (models::TransformerStage* one : {&fp8, &bf16}) {  // where attention does not blow up every difference
    one->initialize(1);
    one->round_masters();
  }
  const double loss = train_step(fp8, {batch_of()}), expected = train_step(bf16, {batch_of()});
  EXPECT_NE(loss, expected);
  EXPECT_NEAR(loss, expected, 0.02 * expected);
  const NamedTensors actual = gradients(fp8);
  for (const auto& [name, gradient] : gradients(bf16))
    EXPECT_LT(relative_distance(actual.at(name), gradient), 0.25) << name;
}

TEST_P(Fp8, RecomputationGivesTheSameBits) {
  models::TransformerStage plain = stage(fp8_options(GetParam()));
  const double loss = train_step(plain, {batch_of(), batch_of(15)});
  const NamedTensors expected = gradients(plain);
  for (const Recompute recompute : {Recompute::elementwise, Recompute::mlp, Recompute::block}) {
    models::TransformerStage replayed = stage(fp8_options(GetParam(), recompute));
    EXPECT_EQ(train_step(replayed, {batch_of(), batch_of(15)}), loss);
    const NamedTensors actual = gradients(replayed);
    for (const auto& [name, gradient] : expected) EXPECT_TRUE(at::equal(actual.at(name), gradient)) << name;
  }
}

/// Of all units of one micro-batch, whose second half has no gradient; without what is noted of them, where `forget`.
std::vector<parallel::Gradient> gradients_between_units(models::TransformerStage& stage, bool forget) {
  constexpr std::int32_t kHalf = kTokens / 2;
  models::Batch batch = to_batch(random_tokens(fp8_config(), {kHalf, kHalf}, 14));
  batch.targets.narrow(0, kHalf, kHalf).fill_(models::kIgnoreIndex);
  stage.set_batches({batch});
  at::Tensor x = stage.input(0);
  const int units = static_cast<int>(stage.units().size());
  for (int unit = 0; unit < units; ++unit) {
    stage.unit(unit).await_values();
    x = stage.forward(unit, 0, x);
  }
  std::vector<parallel::Gradient> gradients{x};
  for (int unit = units - 2; unit > 0; --unit) {
    const parallel::Gradient& above = gradients.back();
    gradients.push_back(stage.backward_input(unit, 0, forget ? parallel::Gradient(above.value) : above));
  }
  return gradients;
}

TEST_P(Fp8, TheLargestGradientOfALayerIsNoted) {
  models::TransformerStage one = stage(fp8_options(GetParam())), other = stage(fp8_options(GetParam()));
  const std::vector<parallel::Gradient> noted = gradients_between_units(one, false),
                                        forgotten = gradients_between_units(other, true);
  const std::size_t layers = 2, from_norm = noted.size() - layers;
  for (std::size_t i = 0; i < noted.size(); ++i) {
    EXPECT_TRUE(at::equal(noted[i].value, forgotten[i].value)) << i;
    EXPECT_EQ(noted[i].abs_max.defined(), GetParam() == Fp8Recipe::tensor && i >= from_norm) << i;
    if (noted[i].abs_max.defined()) {
      EXPECT_EQ(noted[i].abs_max.item<float>(), noted[i].value.abs().max().item<float>()) << i;
    }
  }
}

/// Scales are those of what is quantized: after dropout, and of all tokens.
TEST_P(Fp8, WhatIsNotedOfAGradientThatChangesIsNotUsed) {
  parallel::run_threads(2, [&](parallel::Communicator& world) {
    parallel::ParallelDims dims;
    dims.tensor = 2;
    parallel::MeshOptions groups;
    groups.tensor_groups = static_cast<int>(fp8_config().kv_heads);
    parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), groups);
    const auto run = [&](double dropout, const parallel::TensorRegion& region, bool forget) {
      models::ModelConfig config = fp8_config();
      config.dropout = dropout;
      parallel::UnitOptions units = unit_options(at::kBFloat16);
      models::ModuleOptions options = fp8_options(GetParam());
      options.region = region;
      units.tensor_degree = region.complete() ? 1 : 2;
      units.tensor_rank = region.complete() ? 0 : world.rank();
      models::TransformerStage made(config, units, options);
      made.initialize(13);
      made.round_masters();
      return gradients_between_units(made, forget).back().value;
    };
    EXPECT_TRUE(at::equal(run(0.6, {}, false), run(0.6, {}, true))) << "dropout";
    const parallel::TensorRegion parts(mesh.tensor(), true);
    EXPECT_TRUE(at::equal(run(0, parts, false), run(0, parts, true))) << "sequence parallelism";
  });
}

thread_local std::int64_t casts_to_fp8 = 0;

/// How often `run` rounds a matrix to FP8.
std::int64_t quantizations(const std::function<void()>& run) {
  const auto count = [](const at::RecordFunction& op) -> std::unique_ptr<at::ObserverContext> {
    const bool casts = std::string_view(op.name()) == "aten::_to_copy" && op.inputs()[1].isInt();
    if (casts && at::isFloat8Type(static_cast<at::ScalarType>(op.inputs()[1].toInt()))) ++casts_to_fp8;
    return nullptr;
  };
  const at::CallbackHandle handle = at::addThreadLocalCallback(at::RecordFunctionCallback(count).needsInputs(true));
  casts_to_fp8 = 0;
  run();
  at::removeCallback(handle);
  return casts_to_fp8;
}

TEST_P(Fp8, QuantizesEachTensorOnce) {
  constexpr std::int64_t kLinears = 4, kLayers = 2, kMicroBatches = 3;
  models::TransformerStage trained = stage(fp8_options(GetParam()));
  const std::vector<models::Batch> batches(kMicroBatches, batch_of());
  // Each for both directions: the weights of the first step; an input and the gradient of an output of each product.
  const std::int64_t weights = 2 * kLayers * kLinears, tensors = 2 * 2 * kLayers * kLinears * kMicroBatches;
  EXPECT_EQ(quantizations([&] { train_step(trained, batches); }), weights + tensors);
  EXPECT_EQ(quantizations([&] { train_step(trained, batches); }), tensors) << "the weights are those of before";
  EXPECT_EQ(quantizations([&] { evaluate(trained, batches.front()); }), kLayers * kLinears) << "forward alone";
  OneRank rank;
  trained.publish(rank.mesh());
  EXPECT_EQ(quantizations([&] { train_step(trained, batches); }), weights + tensors) << "they are new";
}

TEST_P(Fp8, NewWeightsAreQuantizedAnew) {
  models::TransformerStage trained = stage(fp8_options(GetParam())), fresh = stage(fp8_options(GetParam()));
  train_step(trained, {batch_of()});
  for (models::TransformerStage* one : {&trained, &fresh}) {
    randomize(*one, 21);
    OneRank rank;
    one->publish(rank.mesh());
  }
  EXPECT_EQ(train_step(trained, {batch_of()}), train_step(fresh, {batch_of()}));
}

TEST_P(Fp8, WhatIsNotFiniteStaysSo) {
  for (const char* weight : {"q_proj.weight", "o_proj.weight", "up_proj.weight", "down_proj.weight"}) {
    models::TransformerStage trained = stage(fp8_options(GetParam()));
    trained.unit(1).parameter(weight).value.view(-1).narrow(0, 5, 1).fill_(std::numeric_limits<float>::infinity());
    train_step(trained, {batch_of()});
    EXPECT_FALSE(trained.unit(1).gradient().isfinite().all().item<bool>()) << weight;
  }
}

TEST_P(Fp8, LayersThatAreTooSmallAndOddBatchesStayInBf16) {
  models::ModuleOptions small = fp8_options(GetParam());
  small.fp8_smallest = 97;  // more than gate and up have together, and more than down
  models::TransformerStage bf16 = stage({}), none = stage(small), fp8 = stage(fp8_options(GetParam()));
  const double expected = train_step(bf16, {batch_of()});
  EXPECT_EQ(train_step(none, {batch_of()}), expected);
  EXPECT_EQ(none.unit(1).bytes().values, bf16.unit(1).bytes().values);
  EXPECT_GT(fp8.unit(1).bytes().values, bf16.unit(1).bytes().values);
  EXPECT_EQ(train_step(fp8, {batch_of(14, 50)}), train_step(bf16, {batch_of(14, 50)}));
  EXPECT_NE(train_step(fp8, {batch_of()}), expected);
}

INSTANTIATE_TEST_SUITE_P(Recipes, Fp8, testing::Values(Fp8Recipe::tensor, Fp8Recipe::block),
                         [](const auto& one) { return one.param == Fp8Recipe::tensor ? "tensor" : "block"; });

TEST(Fp8Linears, AreThoseThatUnitsKeep) {
  models::ModelConfig config = fp8_config();
  for (const std::int64_t smallest : {1, 65, 97, 128, 129}) {
    models::ModuleOptions options = fp8_options(Fp8Recipe::tensor);
    options.fp8_smallest = smallest;
    models::TransformerStage stage(config, unit_options(at::kBFloat16), options);
    stage.initialize(1);
    stage.unit(1).await_values();
    const models::Fp8Linears linears = models::fp8_linears(config, 1, smallest);
    const auto kept = [&](const char* weight) { return stage.unit(1).parameter(weight).fp8.rows.defined(); };
    EXPECT_EQ(kept("q_proj.weight"), linears.qkv) << smallest;
    EXPECT_EQ(kept("o_proj.weight"), linears.out) << smallest;
    EXPECT_EQ(kept("gate_proj.weight"), linears.gate_up) << smallest;
    EXPECT_EQ(kept("down_proj.weight"), linears.down) << smallest;
  }
}

}  // namespace
}  // namespace baleen::tests
