// Every module in FP64 against finite differences of its own forward: gradient of the input and of each parameter.

#include "models/module.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

struct Case {
  std::string name;
  std::size_t unit;  // of embedding, layer, norm, head
  models::Recompute recompute = models::Recompute::none;
  double dropout = 0.0;
  bool bias_and_qk_norm = false;
};

at::Tensor random_like(at::IntArrayRef shape, std::uint64_t seed) {
  return at::randn(shape, at::detail::createCPUGenerator(seed), at::kDouble);
}

/// Central difference of fourth order of f around *x.
double difference(double* x, const std::function<double()>& f) {
  constexpr double kStep = 1e-3;
  const double center = *x;
  const auto at = [&](double offset) {
    *x = center + offset;
    return f();
  };
  const double slope = (8 * (at(kStep) - at(-kStep)) - (at(2 * kStep) - at(-2 * kStep))) / (12 * kStep);
  *x = center;
  return slope;
}

/// Compares about seven elements of `gradient` with the slope of f along those of `values`.
void expect_gradient(const at::Tensor& gradient, const at::Tensor& values, const std::function<double()>& f,
                     const std::string& of) {
  const at::Tensor flat = gradient.reshape(-1);
  const double largest = flat.abs().max().item<double>();
  EXPECT_GT(largest, 0.0) << of;
  double* x = values.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < flat.numel(); i += 1 + flat.numel() / 7) {
    EXPECT_NEAR(flat[i].item<double>(), difference(x + i, f), 1e-8 * largest) << of << "[" << i << "]";
  }
}

class OneModule : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    models::ModelConfig config = tiny_config();
    config.layers = 1;
    config.dropout = GetParam().dropout;
    config.qkv_bias = config.qk_norm = GetParam().bias_and_qk_norm;
    models::ModuleOptions options;
    options.recompute = GetParam().recompute;
    options.z_loss = 1e-2;
    options.loss_chunk_elements = 4 * 128;  // several chunks of four rows and less
    stage_ = std::make_unique<models::TransformerStage>(config, unit_options(at::kDouble), options);
    randomize(*stage_, 3);
    modules_ =
        models::make_llama_modules(config, models::whole_model(config).units, stage_->units(), options, stage_->loss());
    batch_ = to_batch(random_tokens(config, {5, 6}, 4), 0.5);
    x_ = GetParam().unit == 0 ? batch_.tokens : random_like({11, config.dim}, 5);
  }

  models::Module& module() { return *modules_[GetParam().unit]; }
  const parallel::Unit& unit() { return *stage_->units()[GetParam().unit]; }

  std::unique_ptr<models::TransformerStage> stage_;
  models::Modules modules_;
  models::Batch batch_;
  at::Tensor x_;
};

TEST_P(OneModule, BackwardEqualsFiniteDifferences) {
  const at::Tensor weights = random_like({11, tiny_config().dim}, 6);
  const auto value = [&] {
    models::Saved saved;
    return (module().forward(x_, batch_, saved) * weights).sum().item<double>();
  };
  models::Saved saved;
  module().forward(x_, batch_, saved);
  const at::Tensor dx = module().backward(weights, batch_, saved).value;
  EXPECT_TRUE(saved.empty());
  EXPECT_FALSE(saved.weight_gradients().empty());
  saved.weight_gradients().run();
  EXPECT_TRUE(saved.weight_gradients().empty());

  if (dx.defined()) expect_gradient(dx, x_, value, "x");
  for (const parallel::Parameter& parameter : unit().parameters()) {
    expect_gradient(parameter.grad, parameter.value, value, parameter.spec->name);
  }
}

TEST_P(OneModule, KeepsNothingUnlessItTrains) {
  for (const models::Mode mode : {models::Mode::evaluate, models::Mode::generate}) {
    batch_.mode = mode;
    models::Saved saved;
    module().forward(x_, batch_, saved);
    EXPECT_TRUE(saved.empty());
    EXPECT_TRUE(saved.weight_gradients().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Modules, OneModule,
                         testing::Values(Case{"embedding", 0},
                                         Case{"embedding_dropout", 0, models::Recompute::none, 0.3}, Case{"layer", 1},
                                         Case{"layer_elementwise_recomputed", 1, models::Recompute::elementwise},
                                         Case{"layer_mlp_recomputed", 1, models::Recompute::mlp},
                                         Case{"layer_recomputed", 1, models::Recompute::block},
                                         Case{"layer_all_options", 1, models::Recompute::none, 0.3, true},
                                         Case{"layer_all_recomputed", 1, models::Recompute::block, 0.3, true},
                                         Case{"norm", 2}),
                         [](const auto& one) { return one.param.name; });

class Head : public OneModule {};

TEST_P(Head, ForwardMakesItsGradients) {
  const auto loss = [&] {
    models::Saved saved;
    stage_->reset_loss();
    module().forward(x_, batch_, saved);
    return 0.5 * stage_->loss().item<double>();  // the batch's scale
  };
  models::Saved saved;
  const at::Tensor dx = module().forward(x_, batch_, saved);
  EXPECT_TRUE(saved.empty());
  EXPECT_TRUE(saved.weight_gradients().empty());
  const parallel::Parameter& weight = unit().parameter("lm_head.weight");
  const at::Tensor gradient = weight.grad.clone();  // each forward writes its own
  expect_gradient(dx, x_, loss, "x");
  expect_gradient(gradient, weight.value, loss, "lm_head.weight");
  EXPECT_THROW(module().backward(dx, batch_, saved), std::runtime_error);
}

TEST_P(Head, EvaluatingAddsTheCrossEntropyWithoutThePenaltyAndMakesNoGradient) {
  models::Saved saved;
  module().forward(x_, batch_, saved);
  const double trained = stage_->loss().item<double>();
  stage_->reset_loss();
  batch_.mode = models::Mode::evaluate;
  EXPECT_FALSE(module().forward(x_, batch_, saved).defined());
  EXPECT_LT(stage_->loss().item<double>(), trained);
}

INSTANTIATE_TEST_SUITE_P(Modules, Head, testing::Values(Case{"head", 3}));

}  // namespace
}  // namespace baleen::tests
