#include "kernels/cross_entropy.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "tests/kernels/gradient_check.h"

namespace baleen::kernels::testing {
namespace {

constexpr std::int64_t kIgnored = -100;

at::Tensor log_sum_exp(const CrossEntropyParts& parts) {
  return parts.sum.log().add_(parts.max);
}

at::Tensor scale_of(double scale) {
  return at::scalar_tensor(scale, at::kDouble);
}

/// scale * the sum over valid targets of -log softmax(target) + z_loss * lse², element by element.
double loss_formula(const at::Tensor& logits, const at::Tensor& targets, std::int64_t valid, double scale,
                    double z_loss) {
  double loss = 0;
  for (std::int64_t row = 0; row < logits.size(0); ++row) {
    const auto target = targets[row].item<std::int64_t>();
    if (target < 0) continue;
    double sum = 0;
    for (std::int64_t i = 0; i < valid; ++i) sum += std::exp(logits[row][i].item<double>());
    loss += std::log(sum) - logits[row][target].item<double>() + z_loss * std::pow(std::log(sum), 2);
  }
  return scale * loss;
}

TEST(CrossEntropy, PartsFollowTheFormula) {
  for (const std::int64_t columns : {1, 7, 33, 257}) {
    SCOPED_TRACE(columns);
    const at::Tensor logits = random_tensor({6, columns}).mul_(5), targets = random_integers(6, 0, columns);
    targets[2] = kIgnored;
    const CrossEntropyParts parts = cross_entropy_parts(in_strided_rows(logits), targets, {0, columns});
    for (std::int64_t row = 0; row < 6; ++row) {
      const auto target = targets[row].item<std::int64_t>();
      EXPECT_EQ(parts.max[row].item<double>(), logits[row].max().item<double>());
      EXPECT_EQ(parts.picked[row].item<double>(), target < 0 ? 0 : logits[row][target].item<double>());
    }
    expect_close(log_sum_exp(parts), logits.exp().sum(1).log(), 1e-13);
  }
}

TEST(CrossEntropy, PartsOfAShardedVocabularyJoinToTheWhole) {
  const at::Tensor logits = random_tensor({6, 20}), targets = random_integers(6, 0, 20);
  const CrossEntropyParts whole = cross_entropy_parts(logits, targets, {0, 20});
  const CrossEntropyParts low = cross_entropy_parts(logits.narrow(1, 0, 12), targets, {0, 12});
  const at::Tensor padded = at::cat({logits.narrow(1, 12, 8), random_tensor({6, 4}).add_(100)}, 1);
  const CrossEntropyParts high = cross_entropy_parts(padded, targets, {12, 8});
  const at::Tensor max = at::maximum(low.max, high.max);
  const at::Tensor sum = low.sum * (low.max - max).exp() + high.sum * (high.max - max).exp();
  EXPECT_TRUE(max.equal(whole.max));
  expect_close(sum, whole.sum, 1e-14);
  EXPECT_TRUE((low.picked + high.picked).equal(whole.picked));
}

TEST(CrossEntropy, APartOfPaddingAddsNothing) {
  const at::Tensor logits = random_tensor({6, 4}).add_(100), targets = random_integers(6, 0, 20);
  for (const std::int64_t first : {8, 20}) {  // ids of another part; ids that nobody has
    const CrossEntropyParts none = cross_entropy_parts(logits, targets, {first, 0});
    EXPECT_TRUE(none.max.eq(-std::numeric_limits<double>::infinity()).all().item<bool>());
    EXPECT_EQ(largest(none.sum), 0);
    EXPECT_EQ(largest(none.picked), 0);
    const at::Tensor gradient = logits.clone();
    cross_entropy_gradient_(gradient, targets, {first, 0}, at::zeros({6}, at::kDouble), scale_of(1), 1e-3);
    EXPECT_EQ(largest(gradient), 0);
  }
}

TEST(CrossEntropy, GradientIsThatOfTheLoss) {
  for (const double z_loss : {0.0, 1e-2}) {
    constexpr std::int64_t kValid = 9, kColumns = 12;
    const at::Tensor logits = random_tensor({5, kColumns}), targets = random_integers(5, 0, kValid);
    targets[3] = kIgnored;
    const at::Tensor gradient = logits.clone();
    const at::Tensor lse = log_sum_exp(cross_entropy_parts(logits, targets, {0, kValid}));
    cross_entropy_gradient_(gradient, targets, {0, kValid}, lse, scale_of(0.25), z_loss);
    expect_gradient(logits, gradient, [&] { return loss_formula(logits, targets, kValid, 0.25, z_loss); });
    EXPECT_EQ(largest(gradient[3]), 0);
    EXPECT_EQ(largest(gradient.narrow(1, kValid, kColumns - kValid)), 0);
  }
}

TEST(CrossEntropy, GradientOfAPartIsThePartOfTheGradient) {
  const at::Tensor logits = random_tensor({6, 20}), targets = random_integers(6, 0, 20);
  const at::Tensor lse = log_sum_exp(cross_entropy_parts(logits, targets, {0, 20}));
  const at::Tensor whole = logits.clone(), part = in_strided_rows(logits.narrow(1, 12, 8));
  cross_entropy_gradient_(whole, targets, {0, 20}, lse, scale_of(3), 1e-3);
  cross_entropy_gradient_(part, targets, {12, 8}, lse, scale_of(3), 1e-3);
  expect_close(part, whole.narrow(1, 12, 8), 1e-15);
}

TEST(CrossEntropy, LargeLogitsDoNotOverflow) {
  const at::Tensor logits = random_tensor({3, 50}, at::kFloat).mul_(1e4), targets = random_integers(3, 0, 50);
  const at::Tensor lse = log_sum_exp(cross_entropy_parts(logits, targets, {0, 50}));
  EXPECT_TRUE(lse.isfinite().all().item<bool>());
  cross_entropy_gradient_(logits, targets, {0, 50}, lse, scale_of(1), 0);
  EXPECT_TRUE(logits.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace baleen::kernels::testing
