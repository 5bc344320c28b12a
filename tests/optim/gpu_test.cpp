// The optimizer side on a GPU against the same on the CPU. Registered in CUDA builds only; without a device it fails.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/adamw.h"
#include "kernels/sgd.h"
#include "kernels/squared_norm.h"
#include "optim/gradient_norm.h"
#include "optim/optimizer.h"
#include "optim/step_control.h"
#include "tests/optim/loss_scaling.h"
#include "tests/optim/unit_fixture.h"

namespace baleen::optim {
namespace {

const at::Device kGpu(at::kCUDA, 0);
const at::TensorOptions kF64 = at::TensorOptions().dtype(at::kDouble);

StepControlOptions options_on(at::Device device, LossScaling scaling = {}) {
  StepControlOptions options;
  options.loss_scaling = scaling;
  options.learning_rates = {1e-2, 2e-2, 3e-2};
  options.device = device;
  return options;
}

void decide(StepControl& control, double squared_norm, double loss, int first = kernels::kAllFinite) {
  const at::Device device = control.device_state().device();
  control.decide(at::full({}, squared_norm, kF64.device(device)),
                 at::full({}, first, at::TensorOptions(device).dtype(at::kInt)),
                 at::full({}, loss, kF64.device(device)));
}

// Largest difference relative to the largest value.
double relative_error(const at::Tensor& gpu, const at::Tensor& cpu) {
  const at::Tensor exact = cpu.to(at::kDouble);
  return gpu.to(at::kCPU).to(at::kDouble).sub(exact).abs().max().item<double>() / exact.abs().max().item<double>();
}

TEST(StepControlOnGpu, DecidesAsTheCpu) {
  StepControl cpu(options_on(at::kCPU, kDynamicScaling)), gpu(options_on(kGpu, kDynamicScaling));
  const double norms[] = {4e9, INFINITY, 1.0, NAN, 1e12, 3e7};
  for (const double norm : norms) {
    for (StepControl* control : {&cpu, &gpu})
      decide(*control, norm, 2.5, std::isfinite(norm) ? kernels::kAllFinite : 3);
    gpu.begin_read();
    const StepReport a = cpu.read(), b = gpu.finish_read();
    EXPECT_EQ(a.skip, b.skip);
    EXPECT_EQ(a.loss_scale, b.loss_scale);
    EXPECT_EQ(a.used_loss_scale, b.used_loss_scale);
    EXPECT_EQ(a.optimizer_step, b.optimizer_step);
    EXPECT_EQ(a.first_nonfinite, b.first_nonfinite);
    EXPECT_EQ(a.bad_total, b.bad_total);
    EXPECT_EQ(a.lr, b.lr);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_NEAR(a.gradient_multiplier, b.gradient_multiplier, 1e-15 * a.gradient_multiplier);
    if (std::isfinite(norm)) {
      EXPECT_NEAR(a.grad_norm, b.grad_norm, 1e-15 * a.grad_norm);
    }
  }
  EXPECT_EQ(gpu.loss_scale().item<double>(), cpu.loss_scale().item<double>());
}

TEST(SquaredNormOnGpu, AgreesWithTheCpuOnSegmentsOfAnySizeAndRepeatsItsBits) {
  const std::vector<kernels::Segment> segments{
      {0, 1, 0}, {3, 4095, 1}, {5000, 8192, 2}, {20001, 4097, 3}, {90000, 10003, 4}};
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor gradient = at::randn({100003}, kF64).to(type), on_gpu = gradient.to(kGpu);
    const auto sum_of = [&](const at::Tensor& g) {
      const at::Tensor sum = at::zeros({}, kF64.device(g.device()));
      const at::Tensor first = at::full({}, kernels::kAllFinite, at::TensorOptions(g.device()).dtype(at::kInt));
      kernels::squared_norm_(g, kernels::make_segment_table(segments, g.device()), sum, first);
      EXPECT_EQ(first.item<int>(), kernels::kAllFinite);
      return sum.item<double>();
    };
    const double cpu = sum_of(gradient), gpu = sum_of(on_gpu);
    EXPECT_NEAR(gpu, cpu, 1e-13 * cpu);
    EXPECT_EQ(gpu, sum_of(on_gpu));
  }
}

TEST(SquaredNormOnGpu, NamesTheFirstNonFiniteParameterWhereverItIs) {
  const auto a = tests::make_unit("a", {at::kBFloat16, at::kFloat, kGpu});
  const auto b = tests::make_unit("b", {at::kBFloat16, at::kFloat, kGpu});
  const std::vector<parallel::Unit*> units{a.get(), b.get()};
  tests::OneRank one_rank;
  GradientNorm norm(units, tests::names_of(units), one_rank.mesh, /*deterministic=*/false);
  b->parameter("table").grad[5][2].fill_(NAN);
  norm.compute();
  EXPECT_EQ(norm.place(norm.first_nonfinite().item<int>()).parameter, "b.table");
  a->parameter("follower").grad[1][4].fill_(-INFINITY);
  norm.compute();
  EXPECT_EQ(norm.place(norm.first_nonfinite().item<int>()).parameter, "a.follower");
}

struct UpdateCase {
  const char* optimizer;
  at::ScalarType master, value;  // equal: nothing is published
};

class UpdateOnGpu : public ::testing::TestWithParam<UpdateCase> {};
INSTANTIATE_TEST_SUITE_P(
    Types, UpdateOnGpu,
    ::testing::Values(UpdateCase{"adamw", at::kFloat, at::kFloat}, UpdateCase{"adamw", at::kFloat, at::kBFloat16},
                      UpdateCase{"adamw", at::kFloat, at::kHalf}, UpdateCase{"adamw", at::kDouble, at::kDouble},
                      UpdateCase{"sgd", at::kFloat, at::kFloat}, UpdateCase{"sgd", at::kFloat, at::kBFloat16},
                      UpdateCase{"sgd", at::kFloat, at::kHalf}, UpdateCase{"sgd", at::kDouble, at::kDouble}));

TEST_P(UpdateOnGpu, AgreesWithTheCpuAtAnySize) {
  const UpdateCase& c = GetParam();
  const double tolerance = c.master == at::kDouble ? 1e-15 : 1e-6;
  for (const std::int64_t n : {1, 3, 4, 127, 129, 4096, 4097, 100001}) {
    const at::Tensor start = at::randn({n}, kF64).to(c.master);
    const at::Tensor decay =
        at::randn({(n + kernels::kDecayBlock - 1) / kernels::kDecayBlock}, kF64).gt(0).to(at::kByte);
    // An element keeps its sign: where a momentum cancels, only rounding is left to compare.
    const at::Tensor sign = at::randn({n}, kF64).sign();
    std::vector<at::Tensor> gradients;
    for (int step = 0; step < 3; ++step) gradients.push_back(at::randn({n}, kF64).abs().mul(sign).to(c.master));
    const auto run_on = [&](at::Device device) {
      const at::Tensor master = start.to(device, c.master, false, true), m = at::zeros_like(master),
                       v = at::zeros_like(master), flags = decay.to(device);
      const at::Tensor value = c.value == c.master ? at::Tensor() : at::zeros_like(master, c.value);
      StepControl control(options_on(device));
      for (const at::Tensor& gradient : gradients) {
        decide(control, 2.0, 0);
        if (std::string(c.optimizer) == "adamw") {
          kernels::adamw_(master, gradient.to(device), m, v, value, flags, control.device_state(), {});
        } else {
          kernels::sgd_(master, gradient.to(device), m, value, flags, control.device_state(), {0.9, 0.1});
        }
      }
      if (value.defined()) {
        EXPECT_TRUE(value.equal(master.to(c.value)));
      }
      return std::vector<at::Tensor>{master, m, v};
    };
    const auto gpu = run_on(kGpu), cpu = run_on(at::kCPU);
    EXPECT_LE(relative_error(gpu[0], cpu[0]), tolerance) << n;
    EXPECT_LE(relative_error(gpu[1], cpu[1]), tolerance) << n;
    if (std::string(c.optimizer) == "adamw") {
      EXPECT_LE(relative_error(gpu[2], cpu[2]), tolerance) << n;
    }
  }
}

TEST_P(UpdateOnGpu, ASkippedStepChangesNoBit) {
  const UpdateCase& c = GetParam();
  OptimizerConfig config;
  config.name = c.optimizer;
  const auto unit = tests::make_unit("a", {c.value, c.master, kGpu});
  const auto optimizer = make_optimizer(config, {unit.get()});
  unit->gradient().fill_(0.5);
  StepControl control(options_on(kGpu));
  decide(control, 1, 0);
  optimizer->update(0, control.device_state());
  std::vector<at::Tensor> before{unit->master().clone(), unit->values().clone()};
  for (const StateTensor& state : optimizer->state(0)) before.push_back(state.tensor.clone());
  decide(control, NAN, 0, 0);
  optimizer->update(0, control.device_state());
  EXPECT_TRUE(unit->master().equal(before[0]));
  EXPECT_TRUE(unit->values().equal(before[1]));
  for (std::size_t i = 0; i < optimizer->state(0).size(); ++i) {
    EXPECT_TRUE(optimizer->state(0)[i].tensor.equal(before[2 + i]));
  }
}

}  // namespace
}  // namespace baleen::optim
