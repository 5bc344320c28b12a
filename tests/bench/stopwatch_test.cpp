#include "bench/stopwatch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace baleen::bench {
namespace {

TEST(Quantile, LiesBetweenNeighbours) {
  EXPECT_EQ(quantile({3, 1, 2}), 2);
  EXPECT_EQ(quantile({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(quantile({4, 1, 2, 3}, 0), 1);
  EXPECT_EQ(quantile({4, 1, 2, 3}, 1), 4);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.9), 9);
  EXPECT_EQ(quantile({7}, 0.3), 7);
}

TEST(Stopwatch, TellsSecondsOfOneCall) {
  const double seconds = seconds_of(c10::kCPU, [] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
  EXPECT_GE(seconds, 0.002);
  EXPECT_LT(seconds, 0.2);
}

}  // namespace
}  // namespace baleen::bench
