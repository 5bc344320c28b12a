// A block of which only the forward was written trains like the hand-written one.

#include "models/autograd_module.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <gtest/gtest.h>

#include "models/llama_parameters.h"
#include "models/mlp.h"
#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

using models::Batch;

/// A layer's parameters, random, the same in every instance.
struct LayerUnit {
  LayerUnit()
      : units(models::make_llama_units(tiny_config(), models::whole_model(tiny_config()).units,
                                       unit_options(at::kDouble))),
        unit(*units[1]) {
    unit.initialize(15);
  }
  models::Units units;
  parallel::Unit& unit;
};

std::unique_ptr<models::Module> hand_written(const parallel::Unit& unit) {
  return std::make_unique<models::MlpBlock>(
      models::Norm(unit.parameter("post_attention_layernorm.weight"), 1e-5),
      models::Linear({unit.fused({"gate_proj.weight", "up_proj.weight"}), std::nullopt}),
      models::ResidualLinear({unit.fused({"down_proj.weight"}), std::nullopt}, models::Dropout(0.0, "")),
      models::Recompute::none);
}

at::Tensor mlp(const at::Tensor& x, const std::vector<at::Tensor>& values, const Batch&) {
  const at::Tensor normed = x * (x.square().mean(1, true) + 1e-5).rsqrt() * values[0];
  return x + (at::silu(normed.matmul(values[1].t())) * normed.matmul(values[2].t())).matmul(values[3].t());
}

std::unique_ptr<models::Module> forward_only(const parallel::Unit& unit) {
  return std::make_unique<models::AutogradModule>(
      std::vector{&unit.parameter("post_attention_layernorm.weight"), &unit.parameter("gate_proj.weight"),
                  &unit.parameter("up_proj.weight"), &unit.parameter("down_proj.weight")},
      mlp);
}

struct Outcome {
  at::Tensor y, dx, masters;
};

/// Three steps of plain gradient descent on two micro-batches each.
Outcome train(parallel::Unit& unit, models::Module& module) {
  Outcome outcome;
  at::Generator generator = at::detail::createCPUGenerator(16);
  for (int step = 0; step < 3; ++step) {
    unit.zero_gradients();
    for (int micro_batch = 0; micro_batch < 2; ++micro_batch) {
      const at::Tensor x = at::randn({7, tiny_config().dim}, generator, at::kDouble);
      models::Saved saved;
      outcome.y = module.forward(x, Batch(), saved);
      outcome.dx = module.backward(outcome.y, Batch(), saved).value;
      EXPECT_TRUE(saved.empty());
      unit.begin_gradient();
      if (micro_batch == 0) at::Tensor(unit.gradient()).zero_();  // attention's, which nothing writes here
      saved.weight_gradients().run();
      unit.end_gradient();
    }
    at::Tensor(unit.master()).sub_(unit.gradient(), 0.01);
    unit.round_masters();
  }
  outcome.masters = unit.master().clone();
  return outcome;
}

TEST(AutogradModule, TrainsLikeTheHandWrittenBlock) {
  LayerUnit a, b;
  const at::Tensor before = a.unit.master().clone();
  const Outcome expected = train(a.unit, *hand_written(a.unit)), actual = train(b.unit, *forward_only(b.unit));
  EXPECT_LT(relative_error(actual.y, expected.y), 1e-12);
  EXPECT_LT(relative_error(actual.dx, expected.dx), 1e-12);
  EXPECT_LT(relative_error(actual.masters - before, expected.masters - before), 1e-12);
  EXPECT_FALSE(actual.y.requires_grad());
  EXPECT_FALSE(actual.dx.requires_grad());
}

TEST(AutogradModule, StandsInForABlockOfAModel) {
  const models::ModelConfig config = tiny_config();
  models::TransformerStage plain(config, unit_options(at::kDouble), {}), changed(config, unit_options(at::kDouble), {});
  for (models::TransformerStage* stage : {&plain, &changed}) randomize(*stage, 19);
  const int norm = static_cast<int>(config.layers) + 1;
  changed.replace_module(norm, std::make_unique<models::AutogradModule>(
                                   std::vector{&changed.unit(norm).parameter("norm.weight")},
                                   [](const at::Tensor& x, const std::vector<at::Tensor>& values, const Batch&) {
                                     return x * (x.square().mean(1, true) + 1e-5).rsqrt() * values[0];
                                   }));
  const Batch batch = to_batch(random_tokens(config, {5, 8}, 20));
  EXPECT_NEAR(train_step(changed, {batch, batch}), train_step(plain, {batch, batch}), 1e-11);
  const NamedTensors actual = gradients(changed);
  for (const auto& [name, gradient] : gradients(plain)) {
    EXPECT_LT(relative_error(actual.at(name), gradient), 1e-12) << name;
  }
}

TEST(AutogradModule, RecordsNothingUnlessItTrains) {
  LayerUnit layer;
  Batch batch;
  batch.mode = models::Mode::evaluate;
  models::Saved saved;
  const at::Tensor x = at::randn({7, tiny_config().dim}, at::kDouble);
  const at::Tensor y = forward_only(layer.unit)->forward(x, batch, saved);
  EXPECT_TRUE(saved.empty());
  EXPECT_LT(relative_error(y, hand_written(layer.unit)->forward(x, batch, saved)), 1e-12);
}

}  // namespace
}  // namespace baleen::tests
