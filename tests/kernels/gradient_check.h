#pragma once
// Checks gradients against central differences in FP64.

#include <functional>
#include <random>

#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {

/// `gradient` is that of loss() by the elements of x, which is FP64 and contiguous. Every element of a small x is
/// moved, a sample of a large one; the values of x are as before afterwards.
inline void expect_gradient(const at::Tensor& x, const at::Tensor& gradient, const std::function<double()>& loss) {
  constexpr std::int64_t kMostElements = 200;
  constexpr double kStep = 1e-5, kTolerance = 1e-7;
  ASSERT_TRUE(x.is_contiguous() && x.scalar_type() == at::kDouble && gradient.sizes() == x.sizes());
  auto* values = x.mutable_data_ptr<double>();
  const at::Tensor flat = gradient.contiguous();
  std::mt19937 engine(7);
  for (std::int64_t n = 0; n < std::min(x.numel(), kMostElements); ++n) {
    const auto i =
        x.numel() <= kMostElements ? n : static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(x.numel()));
    const double before = std::exchange(values[i], values[i] + kStep);
    const double above = loss();
    values[i] = before - kStep;
    const double below = loss();
    values[i] = before;
    const double expected = (above - below) / (2 * kStep);
    EXPECT_NEAR(flat.const_data_ptr<double>()[i], expected, kTolerance * std::max(1.0, std::abs(expected)))
        << "element " << i;
  }
}

/// The sum of y times fixed weights: a loss whose gradient by y is `weights`.
inline double weighted_sum(const at::Tensor& y, const at::Tensor& weights) {
  return y.mul(weights).sum().item<double>();
}

}  // namespace baleen::kernels::testing
