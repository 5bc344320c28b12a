// The same run whatever the number of data ranks.

#include <gmock/gmock.h>

#include <cmath>

#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

class DataParallel : public testing::TestWithParam<int> {};

TEST_P(DataParallel, Fp64RunEqualsThatOfOneRank) {
  const TemporaryFolder folder;
  for (const char* pack : {"stream", "documents"}) {
    trainer::Config config = tiny_config(folder.path(), "fp64");
    config.data.pack = pack;
    config.model.dropout = 0.1;
    const Outcome one = run_with_threads(config, 1, {folder.path() / pack / "one", {}, {}});
    const Outcome other = run_with_threads(config, GetParam(), {folder.path() / pack / "other", {}, {}});
    ASSERT_EQ(one.losses.size(), 20u);
    EXPECT_EQ(difference(one, other), "");
    EXPECT_LT(one.losses.back(), 0.8 * one.losses.front()) << "the run must learn something to prove anything";
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, DataParallel, testing::Values(2, 4));

TEST(GradientAccumulation, MicroBatchSizeDoesNotChangeTheRun) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp64");
  const Outcome one = run_with_threads(config, 1, {folder.path() / "one", {}, {}});
  config.training.micro_batch_size = 4;
  EXPECT_EQ(difference(one, run_with_threads(config, 1, {folder.path() / "four", {}, {}})), "");
}

}  // namespace
}  // namespace baleen::tests
