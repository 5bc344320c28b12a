#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "core/error.h"
#include "kernels/dropout.h"
#include "kernels/random_fill.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

using core::random_stream;
using core::RandomPurpose;

const core::RandomStream kStream = random_stream(1, RandomPurpose::dropout, 3, "layers.0");

TEST(Dropout, KeepsTheExpectedShareAndScalesIt) {
  for (const double p : {0.0, 0.1, 0.5}) {
    const at::Tensor x = at::empty({100, 1000}, at::kFloat).fill_(1), y = dropout(x, p, kStream, 0);
    const double dropped = y.eq(0).sum().item<double>() / static_cast<double>(x.numel());
    EXPECT_NEAR(dropped, p, 5 * std::sqrt(p * (1 - p) / static_cast<double>(x.numel())));
    EXPECT_EQ(y.max().item<float>(), static_cast<float>(1 / (1 - p)));
    EXPECT_NEAR(y.mean().item<double>(), 1, 0.02);
  }
}

TEST(Dropout, AShardSeesItsPartOfTheMask) {
  const at::Tensor x = random_tensor({12, 33}), whole = dropout(x, 0.3, kStream, 1000);
  for (const std::int64_t first : {1, 2, 5, 11}) {
    const at::Tensor shard = x.narrow(0, first, 12 - first).contiguous();
    EXPECT_TRUE(dropout(shard, 0.3, kStream, 1000 + first * 33).equal(whole.narrow(0, first, 12 - first)));
  }
}

TEST(Dropout, BackwardUsesTheMaskOfTheForwardAndOtherStreamsDoNot) {
  const at::Tensor ones = at::zeros_like(random_tensor({50, 7})).fill_(1);
  const at::Tensor mask = dropout(ones, 0.3, kStream, 5), x = random_tensor({50, 7});
  EXPECT_TRUE(dropout(x, 0.3, kStream, 5).equal(x * mask));
  EXPECT_FALSE(dropout(ones, 0.3, random_stream(1, RandomPurpose::dropout, 4, "layers.0"), 5).equal(mask));
}

TEST(Dropout, AddsTheResidualBeforeRounding) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor x = random_tensor({7, 33}, type), residual = random_tensor({7, 33}, type, 2);
    const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const at::Tensor expected = dropout(x.to(wide), 0.25, kStream, 9).add(residual.to(wide)).to(type);
    EXPECT_TRUE(dropout(x, 0.25, kStream, 9, residual).equal(expected));
  }
}

TEST(Dropout, RefusesAProbabilityOfOne) {
  EXPECT_THROW(dropout(random_tensor({2, 2}), 1.0, kStream, 0), core::Error);
}

TEST(FillNormal, HasTheMomentsOfANormalDistribution) {
  constexpr double kCount = 200000;
  const at::Tensor x = at::empty({static_cast<std::int64_t>(kCount)}, at::kDouble);
  fill_normal_(x, 2, kStream, 0);
  const at::Tensor z = x / 2;
  EXPECT_NEAR(z.mean().item<double>(), 0, 5 / std::sqrt(kCount));
  EXPECT_NEAR(z.pow(2).mean().item<double>(), 1, 5 * std::sqrt(2 / kCount));
  EXPECT_NEAR(z.pow(3).mean().item<double>(), 0, 5 * std::sqrt(15 / kCount));
  EXPECT_NEAR(z.pow(4).mean().item<double>(), 3, 5 * std::sqrt(96 / kCount));
  const at::Tensor even = z.slice(0, 0, std::nullopt, 2), odd = z.slice(0, 1, std::nullopt, 2);
  EXPECT_NEAR(even.mul(odd).mean().item<double>(), 0, 5 / std::sqrt(kCount / 2));  // the two of a Box-Muller pair
}

TEST(FillNormal, AShardIsASliceOfTheWholeInEveryPrecision) {
  const at::Tensor whole = at::empty({1000}, at::kDouble);
  fill_normal_(whole, 0.02, kStream, 77);
  for (const std::int64_t first : {0, 1, 2, 3, 501}) {
    const at::Tensor shard = at::empty({1000 - first}, at::kFloat);
    fill_normal_(shard, 0.02, kStream, 77 + first);
    EXPECT_TRUE(shard.to(at::kDouble).equal(whole.slice(0, first)));
  }
}

}  // namespace
}  // namespace baleen::kernels::testing
