#include "inference/growing_kv_cache.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace baleen::inference {
namespace {

at::Tensor random_keys(std::int64_t tokens) {
  return at::randn({tokens, 2, 3});
}

TEST(GrowingKvCache, ReturnsEverythingAppendedPerLayer) {
  GrowingKvCache cache(2, 100, 4);
  std::vector<at::Tensor> keys[2], values[2];
  for (const std::int64_t tokens : {3, 1, 1, 7, 1, 20}) {
    for (int layer = 0; layer < 2; ++layer) {
      keys[layer].push_back(random_keys(tokens));
      values[layer].push_back(random_keys(tokens));
      const auto view = cache.append(layer, keys[layer].back(), values[layer].back());
      EXPECT_TRUE(view.keys.equal(at::cat(keys[layer])));
      EXPECT_TRUE(view.values.equal(at::cat(values[layer])));
    }
  }
  EXPECT_EQ(cache.tokens(), 33);
}

TEST(GrowingKvCache, DoublesUpToTheContext) {
  constexpr std::int64_t kTokenBytes = 2 * 2 * 3 * sizeof(float);  // keys and values
  GrowingKvCache cache(1, 20, 4);
  EXPECT_EQ(cache.bytes(), 0);
  for (int token = 1; token <= 20; ++token) {
    cache.append(0, random_keys(1), random_keys(1));
    EXPECT_EQ(cache.bytes(), (token <= 4 ? 4 : token <= 8 ? 8 : token <= 16 ? 16 : 20) * kTokenBytes) << token;
  }
  EXPECT_THROW(cache.append(0, random_keys(1), random_keys(1)), core::Error);
}

TEST(GrowingKvCache, ClearingKeepsTheMemory) {
  GrowingKvCache cache(1, 20, 4);
  cache.append(0, random_keys(9), random_keys(9));
  const std::int64_t bytes = cache.bytes();
  cache.clear();
  EXPECT_EQ(cache.tokens(), 0);
  EXPECT_EQ(cache.bytes(), bytes);
  const at::Tensor keys = random_keys(2);
  EXPECT_TRUE(cache.append(0, keys, keys).keys.equal(keys));
}

TEST(GrowingKvCache, KeepsTheElementType) {
  GrowingKvCache cache(1, 8);
  const at::Tensor keys = random_keys(2).to(at::kBFloat16);
  EXPECT_EQ(cache.append(0, keys, keys).values.scalar_type(), at::kBFloat16);
}

}  // namespace
}  // namespace baleen::inference
