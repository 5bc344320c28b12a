#include "launch/gpus.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace baleen::launch {
namespace {

TEST(PickGpu, TakesTheLocalRankWhereAllSeeEnough) {
  const std::vector<GpuView> views(4, GpuView{8, {1}});
  for (int rank = 0; rank < 4; ++rank) EXPECT_EQ(pick_gpu(views, rank, "node1"), rank);
}

TEST(PickGpu, TakesTheOnlyOneWhereTheSchedulerShowsEachItsOwn) {
  const std::vector<GpuView> views = {{1, {1}}, {1, {2}}, {1, {3}}};
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(pick_gpu(views, rank, "node1"), 0);
}

TEST(PickGpu, RefusesMoreRanksThanGpus) {
  const std::vector<std::vector<GpuView>> crowded = {{{1, {1}}, {1, {1}}}, {{2, {1}}, {2, {1}}, {2, {1}}}};
  const char* const messages[] = {"2 ranks were started on node1, where each sees 1 GPU",
                                  "3 ranks were started on node1, where each sees 2 GPUs"};
  for (std::size_t i = 0; i < 2; ++i) {
    try {
      pick_gpu(crowded[i], 0, "node1");
      FAIL();
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::environment);
      EXPECT_STREQ(error.what(), messages[i]);
      EXPECT_THAT(error.next_action(), testing::HasSubstr("launch.device = \"cpu\""));
    }
  }
}

}  // namespace
}  // namespace baleen::launch
