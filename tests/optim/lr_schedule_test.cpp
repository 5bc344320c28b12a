#include "optim/lr_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace baleen::optim {
namespace {

constexpr double kPeak = 3e-4;

LrSchedulerConfig config_of(const std::string& name, std::int64_t warmup, std::int64_t decay, double min_ratio) {
  LrSchedulerConfig config;
  config.name = name;
  config.warmup_steps = warmup;
  config.decay_steps = decay;
  config.min_lr_ratio = min_ratio;
  return config;
}

TEST(LrSchedule, WarmupRisesEvenlyToThePeakWithoutAStepAtZero) {
  for (const char* name : {"constant", "linear", "cosine", "wsd"}) {
    const auto rates = learning_rates(config_of(name, 4, 0, 0.1), kPeak, 100);
    ASSERT_EQ(rates.size(), 100u);
    for (int i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(rates[i], kPeak * (i + 1) / 5) << name;
    EXPECT_DOUBLE_EQ(rates[4], kPeak) << name;
  }
}

TEST(LrSchedule, ConstantStaysAtThePeak) {
  for (double rate : learning_rates(config_of("constant", 0, 0, 0), kPeak, 7)) EXPECT_EQ(rate, kPeak);
}

// torch.optim.lr_scheduler.LinearLR(start_factor=1, end_factor=r, total_iters=D).
TEST(LrSchedule, LinearFallsToTheMinimumRatio) {
  const auto rates = learning_rates(config_of("linear", 10, 0, 0.2), kPeak, 110);
  for (int i = 10; i < 110; ++i) EXPECT_NEAR(rates[i], kPeak * (1 + (0.2 - 1) * (i - 10) / 100.0), 1e-18);
}

// torch.optim.lr_scheduler.CosineAnnealingLR: eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2.
TEST(LrSchedule, CosineFollowsAnnealingThenHoldsTheMinimum) {
  const auto rates = learning_rates(config_of("cosine", 10, 50, 0.1), kPeak, 100);
  const double minimum = 0.1 * kPeak;
  for (int i = 10; i < 60; ++i) {
    const double expected = minimum + (kPeak - minimum) * (1 + std::cos(std::numbers::pi * (i - 10) / 50.0)) / 2;
    EXPECT_NEAR(rates[i], expected, 1e-18);
  }
  for (int i = 60; i < 100; ++i) EXPECT_NEAR(rates[i], minimum, 1e-18);
}

TEST(LrSchedule, WsdIsStableUntilTheLastStepsAndThenFallsAsOneMinusSqrt) {
  const auto rates = learning_rates(config_of("wsd", 5, 20, 0.0), kPeak, 100);
  for (int i = 5; i <= 80; ++i) EXPECT_DOUBLE_EQ(rates[i], kPeak);
  for (int i = 80; i < 100; ++i) EXPECT_NEAR(rates[i], kPeak * (1 - std::sqrt((i - 80) / 20.0)), 1e-18);
}

TEST(LrSchedule, WsdDecaysOverATenthUnlessTold) {
  const auto rates = learning_rates(config_of("wsd", 0, 0, 0.5), kPeak, 50);
  EXPECT_DOUBLE_EQ(rates[45], kPeak);
  EXPECT_NEAR(rates[46], kPeak * (0.5 + 0.5 * (1 - std::sqrt(0.2))), 1e-18);
}

TEST(LrSchedule, OneStepAndWarmupOfTheWholeTrainingWork) {
  EXPECT_EQ(learning_rates(config_of("cosine", 0, 0, 0.1), kPeak, 1), std::vector<double>{kPeak});
  EXPECT_EQ(learning_rates(config_of("wsd", 0, 0, 0.1), kPeak, 1), std::vector<double>{kPeak});
  EXPECT_DOUBLE_EQ(learning_rates(config_of("linear", 3, 0, 0.1), kPeak, 3).back(), kPeak * 3 / 4);
}

TEST(LrSchedule, NamesValuesThatFit) {
  constexpr std::int64_t kSteps = 10;
  for (const std::string name : {"cosine", "wsd"}) {
    for (const std::int64_t warmup : {0, 1, 9, 10, 11, 30}) {
      for (const std::int64_t decay : {0, 1, 9, 10, 11, 30}) {
        LrSchedulerConfig config = config_of(name, warmup, decay, 0);
        const std::string problem = schedule_problem(config, kSteps);
        const auto take = [&](const std::string& key, std::int64_t& value) {
          const std::string named = "lr_scheduler." + key + "=";
          if (const std::size_t at = problem.find(named); at != std::string::npos)
            value = std::stoll(problem.substr(at + named.size()));
        };
        take("warmup_steps", config.warmup_steps);
        take("decay_steps", config.decay_steps);
        EXPECT_EQ(schedule_problem(config, kSteps), "") << problem;
      }
    }
  }
}

TEST(LrSchedule, SaysWhatDoesNotFit) {
  const auto message_of = [](const LrSchedulerConfig& config, std::int64_t steps) -> std::string {
    try {
      learning_rates(config, kPeak, steps);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::usage);
      EXPECT_FALSE(error.next_action().empty());
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of(config_of("cosine", 11, 0, 0), 10),
            "lr_scheduler.warmup_steps (11) is more than training.steps (10); the most that fits: "
            "lr_scheduler.warmup_steps=10");
  EXPECT_EQ(message_of(config_of("wsd", 6, 5, 0), 10),
            "lr_scheduler.warmup_steps (6) + decay_steps (5) = 11, more than training.steps (10); the most that fits: "
            "lr_scheduler.decay_steps=4");
  EXPECT_EQ(message_of(config_of("wsd", 5, 5, 0), 10), "no error");
  EXPECT_EQ(message_of(config_of("wsd", 10, 0, 0), 10),
            "lr_scheduler.warmup_steps (10) + decay_steps (1, unset: a tenth of the training) = 11, more than "
            "training.steps (10); the most that fits: lr_scheduler.warmup_steps=9");
  EXPECT_THAT(message_of(config_of("polynomial", 0, 0, 0), 10), testing::HasSubstr("\"polynomial\" is not known"));
}

}  // namespace
}  // namespace baleen::optim
