#include "launch/cores.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace baleen::launch {
namespace {

constexpr double kNoQuota = 1e9;

CpuSet cpus(std::initializer_list<std::size_t> numbers) {
  CpuSet set;
  for (const std::size_t cpu : numbers) set.set(cpu);
  return set;
}

const std::vector<int> kFourCores = {0, 1, 2, 3};
const std::vector<int> kTwoThreadsACore = {0, 1, 0, 1};

TEST(CoreShare, UnboundRanksShareAllCores) {
  const CpuSet all = cpus({0, 1, 2, 3});
  EXPECT_EQ(core_share({all}, 0, kFourCores, kNoQuota), 4);
  for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(core_share({all, all}, rank, kFourCores, kNoQuota), 2);
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(core_share({all, all, all}, rank, kFourCores, kNoQuota), 1);
}

TEST(CoreShare, BoundRanksHaveTheirOwn) {
  const std::vector<CpuSet> masks = {cpus({0}), cpus({1, 2, 3})};
  EXPECT_EQ(core_share(masks, 0, kFourCores, kNoQuota), 1);
  EXPECT_EQ(core_share(masks, 1, kFourCores, kNoQuota), 3);
}

TEST(CoreShare, PartlySharedCoresCountInParts) {
  const std::vector<CpuSet> masks = {cpus({0, 1, 2}), cpus({1, 2, 3})};
  EXPECT_EQ(core_share(masks, 0, kFourCores, kNoQuota), 2);
  const std::vector<CpuSet> thirds(3, cpus({0, 1, 2}));  // three times a third
  EXPECT_EQ(core_share(thirds, 2, kFourCores, kNoQuota), 1);
}

TEST(CoreShare, HardwareThreadsOfACoreCountOnce) {
  const CpuSet all = cpus({0, 1, 2, 3});
  EXPECT_EQ(core_share({all}, 0, kTwoThreadsACore, kNoQuota), 2);
  EXPECT_EQ(core_share({cpus({0, 2}), cpus({1, 3})}, 0, kTwoThreadsACore, kNoQuota), 1);
}

TEST(CoreShare, MoreRanksThanCoresGetOneThreadEach) {
  const std::vector<CpuSet> masks(9, cpus({0, 1, 2, 3}));
  EXPECT_EQ(core_share(masks, 8, kFourCores, kNoQuota), 1);
}

TEST(CoreShare, AContainersQuotaIsShared) {
  const CpuSet all = cpus({0, 1, 2, 3});
  EXPECT_EQ(core_share({all}, 0, kFourCores, 2.5), 2);
  EXPECT_EQ(core_share({all, all}, 0, kFourCores, 3), 1);
}

TEST(Cores, AreFoundOnThisMachine) {
  const CpuSet allowed = allowed_cpus();
  EXPECT_GT(allowed.count(), 0U);
  const std::vector<int> cores = core_of_cpus();
  std::size_t last = 0;
  for (std::size_t cpu = 0; cpu < allowed.size(); ++cpu) last = allowed[cpu] ? cpu : last;
  EXPECT_LT(last, cores.size());
  EXPECT_GT(cpu_quota(), 0);
}

}  // namespace
}  // namespace baleen::launch
