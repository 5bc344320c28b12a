#include "trainer/communicator_memory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "planner/hardware.h"

namespace baleen::trainer {
namespace {

TEST(CommunicatorMemory, IsToldBesideThePlan) {
  const std::int64_t gib = std::int64_t{1} << 30;
  const std::vector<parallel::CommunicatorMemory> memory = {{"world", 4, gib / 2}, {"data", 2, gib / 8}};
  const std::string alone = "2 communicators: 0.62 GiB beside the allocator, measured (world 0.500, data 0.125)";
  EXPECT_EQ(describe(memory, "NVIDIA GeForce"), alone);
  EXPECT_THAT(describe(memory, "NVIDIA H100 80GB HBM3"), testing::StartsWith(alone + "; planned "));
  const double each = planner::load_hardware("h100").footprint.communicator_gib;
  EXPECT_THAT(describe(memory, "NVIDIA H100 80GB HBM3"),
              testing::EndsWith(fmt::format("{:.2f}, {} each", 2 * each, each)));
}

}  // namespace
}  // namespace baleen::trainer
