#include "core/progress.h"

#include <gmock/gmock.h>

#include <thread>
#include <vector>

namespace baleen::core {
namespace {

using Unit = Progress::Unit;

TEST(ProgressLine, ShowsShareSpeedAndWhatIsLeft) {
  EXPECT_EQ(progress_line("verifying", 30, 120, Unit::count, 10.0),
            "verifying  25% [#####...............]  30 of 120, 3/s, 30s left");
  EXPECT_EQ(progress_line("tokenizing", 3 << 20, 3 << 20, Unit::bytes, 2.0),
            "tokenizing 100% [####################]  3.0 MiB of 3.0 MiB, 1.5 MiB/s, 0s left");
}

TEST(ProgressLine, IsSafeAtTheEdges) {
  EXPECT_EQ(progress_line("x", 0, 10, Unit::count, 0.0), "x   0% [....................]  0 of 10, 0/s, 0s left");
  EXPECT_EQ(progress_line("x", 512, 0, Unit::bytes, 1.0), "x  512 B, 512 B/s");
  EXPECT_EQ(progress_line("x", 12, 10, Unit::count, 1.0), "x 100% [####################]  12 of 10, 12/s, 0s left");
}

TEST(Progress, CountsFromManyThreads) {
  Progress progress("counting", 4000);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) progress.advance(1);
    });
  threads.clear();
  EXPECT_EQ(progress.done(), 4000);
}

}  // namespace
}  // namespace baleen::core
