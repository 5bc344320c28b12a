#include "parallel/buffer_pool.h"

#include <gtest/gtest.h>

namespace baleen::parallel {
namespace {

TEST(BufferPool, MakesWhatIsNotFreeAndKeepsIt) {
  constexpr std::int64_t kStep = std::int64_t{2} << 20;
  BufferPool<int> pool;
  int made = 0;
  const auto take = [&](std::int64_t bytes, std::int64_t whole) {
    return pool.take(bytes, [&](std::int64_t size) {
      EXPECT_EQ(size, whole);
      return ++made;
    });
  };
  EXPECT_EQ(take(1, kStep), 1);
  EXPECT_EQ(take(kStep, kStep), 2) << "the first is taken";
  EXPECT_EQ(take(kStep + 1, 2 * kStep), 3);
  EXPECT_EQ(pool.bytes(), 4 * kStep);
  pool.give_back(1, 1);
  EXPECT_EQ(take(kStep - 1, kStep), 1) << "of one size";
  pool.give_back(3, kStep + 1);
  EXPECT_EQ(take(kStep, kStep), 4) << "a larger one is not for it";
  EXPECT_EQ(take(2 * kStep, 2 * kStep), 3);
  EXPECT_EQ(pool.bytes(), 5 * kStep);
}

}  // namespace
}  // namespace baleen::parallel
