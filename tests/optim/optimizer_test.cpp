// The oracle is PyTorch's own optimizers, so this is the one file of the folder that includes torch/torch.h.
#include "optim/optimizer.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "core/error.h"
#include "kernels/adamw.h"
#include "kernels/sgd.h"
#include "optim/gradient_norm.h"
#include "optim/step_control.h"
#include "tests/optim/loss_scaling.h"
#include "tests/optim/unit_fixture.h"

namespace baleen::optim {
namespace {

constexpr int kSteps = 50;
constexpr double kLossScale = 1024;
constexpr double kMaxNorm = 3.0;  // some of the random gradients are longer, some shorter

OptimizerConfig config_of(const std::string& name) {
  OptimizerConfig config;
  config.name = name;
  config.weight_decay = 0.1;
  return config;
}

std::vector<double> varied_rates() {
  std::vector<double> rates;
  for (int i = 0; i < kSteps; ++i) rates.push_back(1e-2 * (1 + std::sin(0.3 * i)));
  return rates;
}

// Two units, their optimizer and the decisions, driven with random gradients.
struct Trained {
  explicit Trained(const OptimizerConfig& config, parallel::UnitOptions options = {at::kDouble, at::kDouble, at::kCPU},
                   LossScaling scaling = fixed_scaling(kLossScale))
      : a(tests::make_unit("a", options)),
        b(tests::make_unit("b", options)),
        units{a.get(), b.get()},
        norm(units, tests::names_of(units), one_rank.mesh, /*deterministic=*/false),
        control({scaling, kMaxNorm, 10, varied_rates(), options.device}),
        optimizer(make_optimizer(config, units)) {}

  template <typename Function>
  void for_each_parameter(Function function) {
    for (parallel::Unit* unit : units) {
      for (const parallel::Parameter& parameter : unit->parameters()) function(parameter);
    }
  }

  void set_gradients(int step) {
    torch::manual_seed(1000 + step);
    for_each_parameter([&](const parallel::Parameter& parameter) {
      const at::Tensor rows = tests::true_rows(parameter, parameter.grad);
      rows.copy_(torch::randn(parameter.spec->shape, torch::kDouble).mul(step % 3 ? 0.5 : 0.05).mul(kLossScale));
    });
  }

  void step() {
    norm.compute();
    control.decide(norm.squared_norm(), norm.first_nonfinite(), torch::zeros({}, torch::kDouble));
    for (std::size_t u = 0; u < units.size(); ++u) optimizer->update(u, control.device_state());
  }

  std::unique_ptr<parallel::Unit> a, b;
  std::vector<parallel::Unit*> units;
  tests::OneRank one_rank;
  GradientNorm norm;
  StepControl control;
  std::unique_ptr<Optimizer> optimizer;
};

// PyTorch's parameters as two groups, as people write them: decayed and not.
struct Oracle {
  explicit Oracle(Trained& trained) {
    trained.for_each_parameter([&](const parallel::Parameter& parameter) {
      const at::Tensor value = tests::true_rows(parameter, parameter.value).detach().clone();
      parameters.push_back(value.set_requires_grad(true));
      (parameter.spec->weight_decay ? decayed : plain).push_back(parameters.back());
    });
  }

  void set_gradients(Trained& trained) {
    std::size_t i = 0;
    trained.for_each_parameter([&](const parallel::Parameter& parameter) {
      parameters[i++].mutable_grad() = tests::true_rows(parameter, parameter.grad).clone().div_(kLossScale);
    });
    norm = torch::nn::utils::clip_grad_norm_(parameters, kMaxNorm);
  }

  void expect_equal(Trained& trained, double tolerance) {
    std::size_t i = 0;
    trained.for_each_parameter([&](const parallel::Parameter& parameter) {
      const at::Tensor ours = tests::true_rows(parameter, parameter.value).to(torch::kDouble);
      const double error = (ours - parameters[i++]).abs().max().item<double>();
      EXPECT_LE(error, tolerance) << parameter.spec->name;
    });
  }

  std::vector<at::Tensor> parameters, decayed, plain;
  double norm = 0;
};

TEST(AdamW, EqualsPyTorchOver50StepsWithClippingAndDecayMasks) {
  const OptimizerConfig config = config_of("adamw");
  Trained trained(config);
  Oracle oracle(trained);
  const auto options = [&](double decay) {
    return std::make_unique<torch::optim::AdamWOptions>(
        torch::optim::AdamWOptions().betas({config.betas[0], config.betas[1]}).eps(config.eps).weight_decay(decay));
  };
  torch::optim::AdamW reference({torch::optim::OptimizerParamGroup(oracle.decayed, options(0.1)),
                                 torch::optim::OptimizerParamGroup(oracle.plain, options(0))});
  const auto rates = varied_rates();
  int clipped = 0;
  for (int step = 0; step < kSteps; ++step) {
    trained.set_gradients(step);
    oracle.set_gradients(trained);
    for (auto& group : reference.param_groups()) group.options().set_lr(rates[step]);
    reference.step();
    trained.step();
    const StepReport report = trained.control.read();
    EXPECT_NEAR(report.grad_norm, oracle.norm, 1e-13 * oracle.norm);
    EXPECT_EQ(report.lr, rates[step]);
    clipped += report.grad_norm > kMaxNorm;
  }
  EXPECT_GT(clipped, 5);
  EXPECT_LT(clipped, kSteps - 5);
  oracle.expect_equal(trained, 1e-14);
}

TEST(Sgd, EqualsPyTorchOver50StepsWithDecoupledDecay) {
  OptimizerConfig config = config_of("sgd");
  config.weight_decay = 0;
  Trained trained(config);
  Oracle oracle(trained);
  torch::optim::SGD reference(oracle.parameters, torch::optim::SGDOptions(1).momentum(config.momentum));
  const auto rates = varied_rates();
  for (int step = 0; step < kSteps; ++step) {
    trained.set_gradients(step);
    oracle.set_gradients(trained);
    for (auto& group : reference.param_groups()) group.options().set_lr(rates[step]);
    reference.step();
    trained.step();
  }
  oracle.expect_equal(trained, 1e-14);
}

TEST(Sgd, DecaysOnlyWhatIsToBeDecayedAndOnlyByTheLearningRate) {
  OptimizerConfig config = config_of("sgd");
  Trained trained(config);
  Oracle oracle(trained);
  trained.step();  // all gradients are zero
  const double keep = 1 - varied_rates()[0] * 0.1;
  torch::NoGradGuard no_grad;
  for (at::Tensor& parameter : oracle.decayed) parameter.mul_(keep);
  oracle.expect_equal(trained, 1e-17);
}

class EveryOptimizer : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Names, EveryOptimizer, ::testing::Values("adamw", "sgd"));

TEST_P(EveryOptimizer, PublishesTheRoundedMasters) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    Trained trained(config_of(GetParam()), {type, at::kFloat, at::kCPU});
    for (int step = 0; step < 3; ++step) {
      trained.set_gradients(step);
      trained.step();
    }
    for (const parallel::Unit* unit : trained.units) {
      EXPECT_EQ(unit->values().scalar_type(), type);
      EXPECT_TRUE(unit->values().equal(unit->master().to(type)));
      EXPECT_FALSE(unit->master().equal(unit->values().to(at::kFloat))) << "masters keep what the values round away";
    }
  }
}

TEST_P(EveryOptimizer, Fp32FollowsFp64) {
  Trained single(config_of(GetParam()), {at::kFloat, at::kFloat, at::kCPU});
  Trained exact(config_of(GetParam()));
  for (int step = 0; step < kSteps; ++step) {
    single.set_gradients(step);
    exact.set_gradients(step);
    single.step();
    exact.step();
  }
  Oracle(exact).expect_equal(single, 1e-5);
}

TEST_P(EveryOptimizer, ASkippedStepChangesNoBitAndDoesNotAdvance) {
  Trained with_skips(config_of(GetParam()), {at::kBFloat16, at::kFloat, at::kCPU});
  Trained without(config_of(GetParam()), {at::kBFloat16, at::kFloat, at::kCPU});
  for (int step = 0; step < 6; ++step) {
    for (Trained* trained : {&with_skips, &without}) {
      trained->set_gradients(step);
      trained->step();
    }
    with_skips.b->parameter("norm").grad[3] = step % 2 ? NAN : INFINITY;
    with_skips.step();
    EXPECT_EQ(with_skips.control.read().skip, 1);
    EXPECT_EQ(with_skips.control.read().optimizer_step, step + 1);
    for (std::size_t unit = 0; unit < 2; ++unit) {
      EXPECT_TRUE(with_skips.units[unit]->master().equal(without.units[unit]->master()));
      EXPECT_TRUE(with_skips.units[unit]->values().equal(without.units[unit]->values()));
      for (std::size_t i = 0; i < without.optimizer->state(unit).size(); ++i) {
        EXPECT_TRUE(with_skips.optimizer->state(unit)[i].tensor.equal(without.optimizer->state(unit)[i].tensor));
      }
    }
  }
}

TEST_P(EveryOptimizer, PaddingStaysZero) {
  Trained trained(config_of(GetParam()));
  std::int64_t true_elements = 0;
  for (int step = 0; step < 3; ++step) {
    trained.set_gradients(step);
    trained.step();
  }
  trained.for_each_parameter([&](const parallel::Parameter& parameter) {
    const std::int64_t rows = parameter.spec->shape[0];
    true_elements += tests::true_rows(parameter, parameter.value).count_nonzero().item<std::int64_t>();
    EXPECT_EQ(parameter.value.narrow(0, rows, parameter.value.size(0) - rows).count_nonzero().item<int>(), 0);
  });
  const std::int64_t all = trained.a->master().count_nonzero().item<std::int64_t>() +
                           trained.b->master().count_nonzero().item<std::int64_t>();
  EXPECT_EQ(all, true_elements);
}

TEST_P(EveryOptimizer, StateIsFlatLikeTheMastersAndNamedAsInPyTorch) {
  Trained trained(config_of(GetParam()));
  std::vector<std::string> names;
  for (const StateTensor& state : trained.optimizer->state(1)) {
    names.push_back(state.name);
    EXPECT_EQ(state.tensor.sizes(), trained.b->master().sizes());
    EXPECT_EQ(state.tensor.scalar_type(), trained.b->master().scalar_type());
    EXPECT_EQ(state.tensor.count_nonzero().item<int>(), 0);
  }
  const std::vector<std::string> adamw{"exp_avg", "exp_avg_sq"}, sgd{"momentum_buffer"};
  EXPECT_EQ(names, GetParam() == "adamw" ? adamw : sgd);
}

TEST_P(EveryOptimizer, AnySizeIsUpdatedToItsLastElement) {
  for (const std::int64_t n : {1, 2, 3, 5, 127, 128, 129, 1021}) {
    const at::Tensor master = torch::ones({n}), gradient = torch::ones({n}), m = torch::zeros({n}),
                     v = torch::zeros({n}), value = torch::zeros({n}, torch::kHalf),
                     decay = torch::zeros({(n + kernels::kDecayBlock - 1) / kernels::kDecayBlock}, torch::kByte);
    StepControl control({LossScaling{}, 0, 10, {0.5}, at::kCPU});
    control.decide(torch::ones({}, torch::kDouble), torch::zeros({}, torch::kInt), torch::zeros({}, torch::kDouble));
    if (GetParam() == "adamw") {
      kernels::adamw_(master, gradient, m, v, value, decay, control.device_state(), {});
    } else {
      kernels::sgd_(master, gradient, m, value, decay, control.device_state(), {});
    }
    EXPECT_LE((master - 0.5).abs().max().item<double>(), 1e-6) << n;
    EXPECT_TRUE(value.equal(master.to(torch::kHalf))) << n;
  }
}

TEST(MakeOptimizer, NamesTheOnesThereAre) {
  try {
    make_optimizer(config_of("lion"), {});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    EXPECT_STREQ(error.what(), "optimizer.name = \"lion\" is not known");
    EXPECT_EQ(error.next_action(), "use adamw or sgd");
  }
}

}  // namespace
}  // namespace baleen::optim
