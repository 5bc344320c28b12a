#include "inference/sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace baleen::inference {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> log_of(std::vector<double> probabilities) {
  for (double& p : probabilities) p = std::log(p);
  return probabilities;
}

SamplingOptions options_of(double temperature, std::int64_t top_k = 0, double top_p = 1) {
  SamplingOptions options;
  options.temperature = temperature;
  options.top_k = top_k;
  options.top_p = top_p;
  return options;
}

void expect_candidates(const std::vector<Candidate>& actual, const std::vector<Candidate>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(actual[i].token, expected[i].token);
    EXPECT_NEAR(actual[i].probability, expected[i].probability, 1e-14);
  }
}

TEST(Candidates, AreTheSoftmaxOfTheLogits) {
  expect_candidates(candidates(log_of({0.1, 0.6, 0.3}), options_of(1)), {{0, 0.1}, {1, 0.6}, {2, 0.3}});
}

TEST(Candidates, TemperatureFlattensOrSharpens) {
  expect_candidates(candidates(log_of({0.2, 0.8}), options_of(0.5)), {{0, 0.04 / 0.68}, {1, 0.64 / 0.68}});
  expect_candidates(candidates(log_of({0.2, 0.8}), options_of(2)), {{0, 1.0 / 3}, {1, 2.0 / 3}});
}

TEST(Candidates, TemperatureZeroTakesTheMostProbableAndOfEqualsTheFirst) {
  expect_candidates(candidates(std::vector<double>{1, 5, 5, 2}, options_of(0)), {{1, 1}});
}

TEST(Candidates, ATinyTemperatureDoesNotOverflow) {
  expect_candidates(candidates(std::vector<double>{-900, 100, 700}, options_of(1e-300)), {{0, 0}, {1, 0}, {2, 1}});
}

TEST(Candidates, TopKKeepsTheKMostProbable) {
  const auto logits = log_of({0.1, 0.4, 0.2, 0.3});
  expect_candidates(candidates(logits, options_of(1, 2)), {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
  expect_candidates(candidates(logits, options_of(1, 100)), {{1, 0.4}, {3, 0.3}, {2, 0.2}, {0, 0.1}});
  expect_candidates(candidates(std::vector<double>{1, 1, 1}, options_of(1, 2)), {{0, 0.5}, {1, 0.5}});
}

TEST(Candidates, TopPKeepsTheShortestHeadThatReachesIt) {
  const auto logits = log_of({0.1, 0.4, 0.2, 0.3});
  expect_candidates(candidates(logits, options_of(1, 0, 0.6)), {{1, 0.4 / 0.7}, {3, 0.3 / 0.7}});
  expect_candidates(candidates(logits, options_of(1, 0, 0.75)), {{1, 0.4 / 0.9}, {3, 0.3 / 0.9}, {2, 0.2 / 0.9}});
  expect_candidates(candidates(logits, options_of(1, 0, 1e-9)), {{1, 1}});
}

TEST(Candidates, TopPAppliesToWhatTemperatureAndTopKLeave) {
  const auto logits = log_of({0.1, 0.4, 0.2, 0.3});
  // top-k leaves 4/9, 3/9, 2/9.
  expect_candidates(candidates(logits, options_of(1, 3, 0.7)), {{1, 4.0 / 7}, {3, 3.0 / 7}});
  // temperature 0.5 squares: 0.16, 0.09, 0.04, 0.01 of 0.30.
  expect_candidates(candidates(logits, options_of(0.5, 0, 0.5)), {{1, 1}});
}

TEST(Candidates, ImpossibleTokensHaveProbabilityZero) {
  expect_candidates(candidates(std::vector<double>{-kInfinity, 0, 0}, options_of(1)), {{0, 0}, {1, 0.5}, {2, 0.5}});
}

TEST(Candidates, LogitsThatAreNotFiniteStopTheGeneration) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const auto& logits : std::vector<std::vector<double>>{{0, nan}, {kInfinity, 0}, {-kInfinity, -kInfinity}, {}}) {
    try {
      candidates(logits, options_of(1));
      FAIL();
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::numerical);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("not finite"));
    }
  }
}

TEST(Sample, FollowsTheProbabilities) {
  const std::vector<double> probabilities{0.05, 0.5, 0.15, 0.3};
  const auto logits = log_of(probabilities);
  constexpr int kDraws = 40000;
  std::vector<int> counts(4);
  for (int i = 0; i < kDraws; ++i) ++counts[static_cast<std::size_t>(sample(logits, options_of(1), i))];
  double chi_squared = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = probabilities[i] * kDraws;
    chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(chi_squared, 16.3);  // 99.9 % of three degrees of freedom; the draws are fixed by the seed
}

TEST(Sample, NeverLeavesTheCandidates) {
  const auto logits = log_of({0.1, 0.4, 0.2, 0.3});
  for (int i = 0; i < 2000; ++i) {
    EXPECT_THAT(sample(logits, options_of(1, 2), i), ::testing::AnyOf(1, 3));
    EXPECT_THAT(sample(logits, options_of(1.5, 0, 0.6), i), ::testing::AnyOf(1, 3));
    EXPECT_EQ(sample(logits, options_of(0), i), 1);
    EXPECT_EQ(sample(std::vector<double>{-kInfinity, 3, -kInfinity}, options_of(1), i), 1);
  }
}

TEST(Sample, IsAFunctionOfSeedAndIndex) {
  const std::vector<double> logits(1000, 0.0);
  SamplingOptions other = options_of(1);
  other.seed = 43;
  int same_seed = 0, same_index = 0;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(sample(logits, options_of(1), i), sample(logits, options_of(1), i));
    same_index += sample(logits, options_of(1), i) == sample(logits, other, i);
    same_seed += sample(logits, options_of(1), i) == sample(logits, options_of(1), i + 1);
  }
  EXPECT_LT(same_index, 5);
  EXPECT_LT(same_seed, 5);
}

TEST(SamplingOptions, SaysWhichOneMakesNoSense) {
  const auto message_of = [](const SamplingOptions& options) -> std::string {
    try {
      check(options);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::usage);
      EXPECT_FALSE(error.next_action().empty());
      return error.what();
    }
    return "fine";
  };
  EXPECT_EQ(message_of(options_of(0)), "fine");
  EXPECT_EQ(message_of(options_of(1.5, 40, 0.9)), "fine");
  EXPECT_EQ(message_of(options_of(-0.5)), "the temperature is -0.5");
  EXPECT_EQ(message_of(options_of(kInfinity)), "the temperature is inf");
  EXPECT_EQ(message_of(options_of(1, -1)), "top-k is -1");
  EXPECT_EQ(message_of(options_of(1, 0, 0)), "top-p is 0");
  EXPECT_EQ(message_of(options_of(1, 0, 1.01)), "top-p is 1.01");
}

}  // namespace
}  // namespace baleen::inference
