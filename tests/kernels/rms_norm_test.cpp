#include "kernels/rms_norm.h"

#include <cmath>

#include "core/error.h"
#include "tests/kernels/gradient_check.h"

namespace baleen::kernels::testing {
namespace {

constexpr double kEps = 1e-5;

/// The formula, element by element.
at::Tensor formula(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor y = at::empty(x.sizes(), at::kDouble);
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    double squares = 0;
    for (std::int64_t i = 0; i < x.size(1); ++i) squares += std::pow(x[row][i].item<double>(), 2);
    const double root = std::sqrt(squares / static_cast<double>(x.size(1)) + kEps);
    for (std::int64_t i = 0; i < x.size(1); ++i) y[row][i] = x[row][i] / root * weight[i];
  }
  return y;
}

TEST(RmsNorm, FollowsTheFormula) {
  for (const std::int64_t dim : {1, 7, 33, 129}) {
    SCOPED_TRACE(dim);
    const at::Tensor x = random_tensor({3, dim}), weight = random_tensor({dim}, at::kDouble, 2);
    const RmsNorm out = rms_norm(x, weight, kEps);
    expect_close(out.y, formula(x, weight), 1e-14);
    expect_close(out.rstd, x.square().mean(1).add(kEps).rsqrt(), 1e-14);
    EXPECT_TRUE(rms_norm(in_strided_rows(x), weight, kEps).y.equal(out.y));
  }
}

TEST(RmsNorm, GradientsAreThoseOfTheForward) {
  for (const std::int64_t dim : {1, 7, 33}) {
    SCOPED_TRACE(dim);
    const at::Tensor x = random_tensor({5, dim}), weight = random_tensor({dim}, at::kDouble, 2);
    const at::Tensor dy = random_tensor({5, dim}, at::kDouble, 3);
    const RmsNormGradient gradient = rms_norm_backward(dy, x, weight, rms_norm(x, weight, kEps).rstd);
    const auto loss = [&] { return weighted_sum(rms_norm(x, weight, kEps).y, dy); };
    expect_gradient(x, gradient.dx, loss);
    expect_gradient(weight, gradient.dweight, loss);
  }
}

TEST(RmsNorm, BackwardTakesStridedRowsAndAddsTheResidualGradient) {
  const at::Tensor x = random_tensor({200, 33}), weight = random_tensor({33}, at::kDouble, 2);
  const at::Tensor dy = random_tensor({200, 33}, at::kDouble, 3), residual = random_tensor({200, 33}, at::kDouble, 4);
  const at::Tensor rstd = rms_norm(x, weight, kEps).rstd;
  const RmsNormGradient plain = rms_norm_backward(dy, x, weight, rstd);
  const RmsNormGradient sum =
      rms_norm_backward(in_strided_rows(dy), in_strided_rows(x), weight, rstd, in_strided_rows(residual));
  EXPECT_TRUE(sum.dx.equal(plain.dx + residual));
  EXPECT_TRUE(sum.dweight.equal(plain.dweight));
}

TEST(RmsNorm, NormalisesHeadsInsideAPackedRow) {
  const at::Tensor packed = random_tensor({9, 5 * 8}), weight = random_tensor({8}, at::kDouble, 2);
  const at::Tensor heads = packed.narrow(1, 8, 3 * 8).unflatten(1, {3, 8});
  const at::Tensor copied = heads.reshape({27, 8});
  const RmsNorm out = rms_norm(heads, weight, kEps), expected = rms_norm(copied, weight, kEps);
  EXPECT_EQ(out.y.sizes(), heads.sizes());
  EXPECT_TRUE(out.y.reshape({27, 8}).equal(expected.y));
  const at::Tensor dy = random_tensor({9, 3, 8}, at::kDouble, 3);
  const RmsNormGradient gradient = rms_norm_backward(dy, heads, weight, out.rstd);
  const RmsNormGradient expected_gradient = rms_norm_backward(dy.reshape({27, 8}), copied, weight, expected.rstd);
  EXPECT_TRUE(gradient.dx.reshape({27, 8}).equal(expected_gradient.dx));
  EXPECT_TRUE(gradient.dweight.equal(expected_gradient.dweight));
}

TEST(RmsNorm, NoRowsGiveAZeroWeightGradient) {
  const at::Tensor x = random_tensor({0, 8}), weight = random_tensor({8});
  const RmsNormGradient gradient = rms_norm_backward(x, x, weight, rms_norm(x, weight, kEps).rstd);
  EXPECT_EQ(largest(gradient.dweight), 0);
}

TEST(RmsNorm, RefusesAWeightOfAnotherType) {
  EXPECT_THROW(rms_norm(random_tensor({2, 8}), random_tensor({8}, at::kFloat), kEps), core::Error);
}

}  // namespace
}  // namespace baleen::kernels::testing
