#include "optim/step_control.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "tests/optim/loss_scaling.h"

namespace baleen::optim {
namespace {

at::Tensor scalar(double value) {
  return at::full({}, value, at::TensorOptions().dtype(at::kDouble));
}
at::Tensor index(int value) {
  return at::full({}, value, at::TensorOptions().dtype(at::kInt));
}

StepControlOptions options_of(LossScaling scaling, double max_grad_norm = 0, int steps = 100) {
  StepControlOptions options;
  options.loss_scaling = scaling;
  options.max_grad_norm = max_grad_norm;
  options.max_bad_steps = 3;
  for (int i = 0; i < steps; ++i) options.learning_rates.push_back(1.0 + i);
  return options;
}

StepReport good(StepControl& control) {
  control.decide(scalar(1), index(kernels::kAllFinite), scalar(2));
  return control.read();
}

StepReport bad(StepControl& control) {
  control.decide(scalar(INFINITY), index(4), scalar(2));
  return control.read();
}

TEST(StepControl, UnscalesTheNormAndClipsAsPyTorch) {
  StepControl control(options_of(fixed_scaling(8), 2.0));
  control.decide(scalar(64 * 9.0), index(kernels::kAllFinite), scalar(1.5));  // norm 24 / 8 = 3
  StepReport report = control.read();
  EXPECT_DOUBLE_EQ(report.grad_norm, 3);
  EXPECT_DOUBLE_EQ(report.gradient_multiplier, 2.0 / (3.0 + 1e-6) / 8);
  EXPECT_EQ(report.loss, 1.5);
  EXPECT_EQ(report.used_loss_scale, 8);
  control.decide(scalar(64.0), index(kernels::kAllFinite), scalar(1.5));  // norm 1: not clipped
  EXPECT_EQ(control.read().gradient_multiplier, 1.0 / 8);
}

TEST(StepControl, WithoutAMaximumNothingIsClipped) {
  StepControl control(options_of(LossScaling{}, 0));
  control.decide(scalar(1e12), index(kernels::kAllFinite), scalar(0));
  EXPECT_EQ(control.read().gradient_multiplier, 1);
}

TEST(StepControl, LearningRateFollowsUpdatesNotSteps) {
  StepControl control(options_of(LossScaling{}, 0, 3));
  EXPECT_EQ(good(control).lr, 1);
  EXPECT_EQ(bad(control).lr, 2);  // what it would have been
  EXPECT_EQ(good(control).lr, 2);
  EXPECT_EQ(good(control).lr, 3);
  EXPECT_EQ(good(control).lr, 3) << "the last one holds";
  EXPECT_EQ(control.read().optimizer_step, 4);
}

TEST(StepControl, ANonFiniteLossSkipsTheStepToo) {
  for (const double loss : {std::numeric_limits<double>::quiet_NaN(), HUGE_VAL, -HUGE_VAL}) {
    StepControl control(options_of(LossScaling{}));
    control.decide(scalar(1), index(kernels::kAllFinite), scalar(loss));
    EXPECT_EQ(control.read().skip, 1);
    EXPECT_EQ(control.read().first_nonfinite, kernels::kAllFinite);
  }
}

TEST(StepControl, ASkipSaysWhereAndMultipliesByNothing) {
  StepControl control(options_of(kDynamicScaling));
  control.decide(scalar(NAN), index(7), scalar(1));
  const StepReport report = control.read();
  EXPECT_EQ(report.skip, 1);
  EXPECT_EQ(report.first_nonfinite, 7);
  EXPECT_EQ(report.gradient_multiplier, 0);
  EXPECT_EQ(report.optimizer_step, 0);
  EXPECT_EQ(good(control).first_nonfinite, kernels::kAllFinite);
}

TEST(LossScale, StartsAt65536AndTheDeviceViewFollows) {
  StepControl control(options_of(kDynamicScaling));
  EXPECT_EQ(control.loss_scale().item<double>(), 65536);
  EXPECT_EQ(control.loss_scale().dim(), 0);
  const StepReport report = bad(control);
  EXPECT_EQ(report.used_loss_scale, 65536);
  EXPECT_EQ(report.loss_scale, 32768);
  EXPECT_EQ(control.loss_scale().item<double>(), 32768);
}

TEST(LossScale, DoublesAfter1000GoodStepsInARow) {
  StepControl control(options_of(kDynamicScaling));
  for (int i = 0; i < 999; ++i) ASSERT_EQ(good(control).loss_scale, 65536);
  const StepReport thousandth = good(control);
  EXPECT_EQ(thousandth.used_loss_scale, 65536);
  EXPECT_EQ(thousandth.loss_scale, 131072);
  EXPECT_EQ(thousandth.good_streak, 0);
}

TEST(LossScale, AnOverflowStartsTheStreakAnew) {
  StepControl control(options_of(kDynamicScaling));
  for (int i = 0; i < 999; ++i) good(control);
  EXPECT_EQ(bad(control).loss_scale, 32768);
  for (int i = 0; i < 999; ++i) ASSERT_EQ(good(control).loss_scale, 32768);
  EXPECT_EQ(good(control).loss_scale, 65536);
}

TEST(LossScale, HalvesOnEveryOverflowDownToTheMinimum) {
  StepControl control(options_of(kDynamicScaling));
  for (int i = 1; i <= 16; ++i) ASSERT_EQ(bad(control).loss_scale, std::ldexp(65536, -i));
  const StepReport report = bad(control);
  EXPECT_EQ(report.loss_scale, 1);
  EXPECT_EQ(report.bad_total, 17);
  EXPECT_EQ(report.consecutive_bad, 17);
}

// Megatron-LM's DynamicGradScaler: the first `hysteresis - 1` overflows are borne, and only a growth forgives them.
TEST(LossScale, HysteresisBearsOverflowsUntilTheScaleGrows) {
  LossScaling scaling{1024, 1, 4, 3};
  StepControl control(options_of(scaling));
  EXPECT_EQ(bad(control).loss_scale, 1024);
  EXPECT_EQ(good(control).loss_scale, 1024);
  EXPECT_EQ(bad(control).loss_scale, 1024);
  EXPECT_EQ(bad(control).loss_scale, 512);
  EXPECT_EQ(bad(control).loss_scale, 256);
  for (int i = 0; i < 3; ++i) ASSERT_EQ(good(control).loss_scale, 256);
  EXPECT_EQ(good(control).loss_scale, 512);
  EXPECT_EQ(bad(control).loss_scale, 512);
  EXPECT_EQ(bad(control).loss_scale, 512);
  EXPECT_EQ(bad(control).loss_scale, 256);
}

// All sequences of 12 good and bad steps against the rules written out once more, plainly.
TEST(LossScale, EverySequenceOfTwelveStepsFollowsTheRules) {
  const LossScaling scaling{8, 2, 3, 1};
  for (int sequence = 0; sequence < 4096; ++sequence) {
    kernels::StepState state;
    kernels::StepRules rules;
    state.loss_scale = scaling.initial;
    rules.minimum_loss_scale = scaling.minimum;
    rules.growth_interval = scaling.growth_interval;
    double scale = 8;
    int streak = 0, updates = 0, at_minimum = 0;
    const double rate = 1;
    for (int step = 0; step < 12; ++step) {
      const bool is_good = (sequence >> step) & 1;
      kernels::decide_step(state, rules, is_good ? 1 : NAN, 0, kernels::kAllFinite, &rate, 1);
      ASSERT_EQ(state.used_loss_scale, scale);
      if (is_good) {
        ++updates;
        at_minimum = 0;
        if (++streak == 3) scale *= 2, streak = 0;
      } else {
        at_minimum = scale == 2 ? at_minimum + 1 : 0;
        scale = std::max(2.0, scale / 2);
        streak = 0;
      }
      ASSERT_EQ(state.loss_scale, scale);
      ASSERT_EQ(state.skip, is_good ? 0 : 1);
      ASSERT_EQ(state.optimizer_step, updates);
      ASSERT_EQ(state.bad_total, step + 1 - updates);
      ASSERT_EQ(state.bad_at_min, at_minimum);
    }
  }
}

TEST(LossScale, AFixedScaleNeverMoves) {
  StepControl control(options_of(fixed_scaling(128)));
  for (int i = 0; i < 5; ++i) ASSERT_EQ(bad(control).loss_scale, 128);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(good(control).loss_scale, 128);
}

TEST(Health, DynamicScalingGivesUpAfter20SkipsAtTheMinimum) {
  StepControl control(options_of(kDynamicScaling));
  for (int i = 0; i < 16; ++i) ASSERT_EQ(control.health(bad(control)), Health::good);
  for (int i = 0; i < 19; ++i) ASSERT_EQ(control.health(bad(control)), Health::good);
  EXPECT_EQ(control.health(bad(control)), Health::loss_scale_exhausted);
  EXPECT_EQ(control.health(good(control)), Health::good);
  for (int i = 0; i < 19; ++i) ASSERT_EQ(control.health(bad(control)), Health::good);
}

TEST(Health, OtherwiseMaxBadStepsInARowAreTooMany) {
  StepControl control(options_of(LossScaling{}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(control.health(bad(control)), Health::good);
    EXPECT_EQ(control.health(bad(control)), Health::good);
    EXPECT_EQ(control.health(good(control)), Health::good);
  }
  bad(control);
  bad(control);
  EXPECT_EQ(control.health(bad(control)), Health::too_many_bad_steps);
}

TEST(StepControl, TheReportIsOfTheStepWhenTheReadBegan) {
  StepControl control(options_of(LossScaling{}));
  good(control);
  control.begin_read();
  EXPECT_TRUE(control.reading());
  good(control);
  EXPECT_EQ(control.finish_read().optimizer_step, 1);
  EXPECT_FALSE(control.reading());
  control.begin_read();
  EXPECT_EQ(control.finish_read().optimizer_step, 2);
  EXPECT_THROW(control.finish_read(), core::Error);
}

TEST(StepControl, ARestoredStateGoesOnBitForBit) {
  const LossScaling scaling{1024, 1, 4, 2};
  StepControl original(options_of(scaling, 0.5)), resumed(options_of(scaling, 0.5));
  for (int i = 0; i < 7; ++i) i % 3 == 2 ? bad(original) : good(original);
  resumed.restore(original.read());
  for (int i = 0; i < 12; ++i) {
    const StepReport a = i % 5 == 0 ? bad(original) : good(original), b = i % 5 == 0 ? bad(resumed) : good(resumed);
    ASSERT_EQ(std::memcmp(&a, &b, sizeof(a)), 0);
  }
}

}  // namespace
}  // namespace baleen::optim
