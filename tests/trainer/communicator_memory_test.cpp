#include "trainer/communicator_memory.h"

#include <gtest/gtest.h>

namespace baleen::trainer {
namespace {

TEST(CommunicatorMemory, IsToldBesideThePlan) {
  const std::int64_t gib = std::int64_t{1} << 30;
  const std::vector<parallel::CommunicatorMemory> memory = {{"world", 4, gib / 2}, {"data", 2, gib / 8}};
  const std::string alone = "2 communicators: 0.62 GiB beside the allocator, measured (world 0.500, data 0.125)";
  EXPECT_EQ(describe(memory, std::nullopt), alone);
  EXPECT_EQ(describe(memory, 0.7), alone + "; planned 0.70");
}

}  // namespace
}  // namespace baleen::trainer
