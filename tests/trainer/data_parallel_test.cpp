// The same run whatever the number of data ranks.

#include <gmock/gmock.h>

#include <cmath>

#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

void expect_same_run(const Outcome& one, const Outcome& other) {
  ASSERT_EQ(one.losses.size(), 20u);
  ASSERT_EQ(other.losses.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_NEAR(other.losses[i] / one.losses[i], 1.0, 1e-12) << "step " << i + 1;
    EXPECT_NEAR(other.grad_norms[i] / one.grad_norms[i], 1.0, 1e-12) << "step " << i + 1;
  }
  ASSERT_EQ(one.parameters.size(), other.parameters.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < one.parameters.size(); ++i) {
    largest = std::max(largest, std::abs(one.parameters[i]));
    difference = std::max(difference, std::abs(one.parameters[i] - other.parameters[i]));
  }
  EXPECT_LE(difference, 1e-10 * largest);
}

class DataParallel : public testing::TestWithParam<int> {};

TEST_P(DataParallel, Fp64RunEqualsThatOfOneRank) {
  const ScratchFolder folder("data-parallel");
  for (const char* pack : {"stream", "documents"}) {
    trainer::Config config = tiny_config(folder.path(), "fp64");
    config.data.pack = pack;
    config.model.dropout = 0.1;
    const Outcome one = run_with_threads(config, 1, {folder.path() / pack / "one", {}, {}});
    const Outcome other = run_with_threads(config, GetParam(), {folder.path() / pack / "other", {}, {}});
    expect_same_run(one, other);
    EXPECT_LT(one.losses.back(), 0.8 * one.losses.front()) << "the run must learn something to prove anything";
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, DataParallel, testing::Values(2, 4));

TEST(GradientAccumulation, MicroBatchSizeDoesNotChangeTheRun) {
  const ScratchFolder folder("accumulation");
  trainer::Config config = tiny_config(folder.path(), "fp64");
  const Outcome one = run_with_threads(config, 1, {folder.path() / "one", {}, {}});
  config.training.micro_batch_size = 4;
  expect_same_run(one, run_with_threads(config, 1, {folder.path() / "four", {}, {}}));
}

}  // namespace
}  // namespace baleen::tests
