#include "data/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace baleen::data {
namespace {

core::RandomStream stream(std::uint64_t seed) {
  return core::random_stream(seed, core::RandomPurpose::shuffle, 0, "test");
}

TEST(Permutation, IsABijectionForEverySmallSize) {
  for (std::uint64_t size = 1; size <= 300; ++size) {
    const Permutation order(size, stream(size));
    std::vector<bool> seen(size, false);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t value = order(i);
      ASSERT_LT(value, size);
      ASSERT_FALSE(seen[value]) << value << " comes twice for size " << size;
      seen[value] = true;
    }
  }
}

TEST(Permutation, IsABijectionAroundPowersOfFour) {
  for (const std::uint64_t size : {1023u, 1024u, 1025u, 4095u, 4096u, 4097u, 65535u, 65536u, 65537u, 100003u}) {
    const Permutation order(size, stream(1));
    std::vector<bool> seen(size, false);
    for (std::uint64_t i = 0; i < size; ++i) seen[order(i)] = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::int64_t>(size));
  }
}

TEST(Permutation, StaysInsideHugeSizes) {
  for (const std::uint64_t size :
       {(std::uint64_t{1} << 40) + 1, (std::uint64_t{1} << 62) - 1, std::uint64_t{1} << 62}) {
    const Permutation order(size, stream(2));
    std::set<std::uint64_t> values;
    for (std::uint64_t i = 0; i < 1000; ++i) values.insert(order(size - 1 - i * (size / 1000)));
    EXPECT_EQ(values.size(), 1000u);
    EXPECT_LT(*values.rbegin(), size);
  }
}

// Chi-square of where each eighth of the input lands, over many keys: 49 degrees of freedom, mean 49, deviation 9.9.
TEST(Permutation, SpreadsEveryPartOverEveryPart) {
  constexpr std::uint64_t kSize = 1000, kParts = 8, kKeys = 40;
  std::vector<double> count(kParts * kParts, 0);
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const Permutation order(kSize, stream(key));
    for (std::uint64_t i = 0; i < kSize; ++i) ++count[i * kParts / kSize * kParts + order(i) * kParts / kSize];
  }
  const double expected = static_cast<double>(kKeys * kSize) / (kParts * kParts);
  double chi_square = 0;
  for (const double found : count) chi_square += (found - expected) * (found - expected) / expected;
  EXPECT_LT(chi_square, 49 + 5 * 9.9);
  EXPECT_GT(chi_square, 10) << "too even to be random";
}

TEST(Permutation, EveryOrderOfThreeComesUp) {
  std::set<std::vector<std::uint64_t>> orders;
  for (std::uint64_t key = 0; key < 200; ++key) {
    const Permutation order(3, stream(key));
    orders.insert({order(0), order(1), order(2)});
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(WindowsIn, NeedsOneTokenMoreThanTheSequence) {
  EXPECT_EQ(windows_in(0, 8), 0);
  EXPECT_EQ(windows_in(8, 8), 0);
  EXPECT_EQ(windows_in(9, 8), 1);
  EXPECT_EQ(windows_in(16, 8), 1);
  EXPECT_EQ(windows_in(17, 8), 2);
}

TEST(ShuffledSampler, EachEpochHasEveryWindowInAnotherOrder) {
  const ShuffledSampler sampler(100, 5);
  std::vector<std::int64_t> first, second;
  for (std::int64_t i = 0; i < 100; ++i) {
    first.push_back(sampler.window(i));
    second.push_back(sampler.window(100 + i));
    EXPECT_EQ(sampler.epoch(i), 0);
    EXPECT_EQ(sampler.epoch(100 + i), 1);
  }
  EXPECT_NE(first, second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(first[i], i);
  EXPECT_EQ(first, second);
}

TEST(ShuffledSampler, DependsOnTheSeedAndOnNothingElse) {
  const ShuffledSampler one(1000, 1), again(1000, 1), other(1000, 2);
  int equal = 0;
  for (std::int64_t i = 2999; i >= 0; --i) {
    EXPECT_EQ(one.window(i), again.window(i));
    equal += one.window(i) == other.window(i);
  }
  EXPECT_LT(equal, 30);
}

// The order of a run must never change between versions: resuming would repeat and skip text.
TEST(ShuffledSampler, IsPinned) {
  const ShuffledSampler sampler(1000, 1234);
  std::vector<std::int64_t> windows;
  for (const std::int64_t i : {0, 1, 2, 3, 999, 1000, 123456}) windows.push_back(sampler.window(i));
  EXPECT_EQ(windows, (std::vector<std::int64_t>{751, 263, 112, 752, 677, 883, 660}));
}

TEST(EvenSampler, SpreadsOverTheWholeText) {
  const EvenSampler sampler(1000, 8);
  std::vector<std::int64_t> windows;
  for (std::int64_t i = 0; i < 8; ++i) windows.push_back(sampler.window(i));
  EXPECT_EQ(windows, (std::vector<std::int64_t>{0, 125, 250, 375, 500, 625, 750, 875}));
  const EvenSampler all(7, 7);
  for (std::int64_t i = 0; i < 7; ++i) EXPECT_EQ(all.window(i), i);
  const EvenSampler uneven(10, 4);
  EXPECT_EQ(uneven.window(1), 2);
  EXPECT_EQ(uneven.window(3), 7);
}

}  // namespace
}  // namespace baleen::data
