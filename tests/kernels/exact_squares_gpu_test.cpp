// The exact sum of squares on a GPU is the CPU's, to the bit.

#include <gtest/gtest.h>

#include <limits>

#include "tests/kernels/square_samples.h"

namespace baleen::kernels::testing {
namespace {

TEST(ExactSquaresOnGpu, HaveTheBitsOfTheCpu) {
  for (const SquareSample& sample : square_samples()) {
    for (const at::Tensor& x : {sample.values.to(at::kFloat), sample.values}) {
      const std::int64_t half = x.numel() / 2;  // the second segment may start on no border of 16 bytes
      const std::vector<Segment> segments{{0, half, 0}, {half, x.numel() - half, 1}};
      const ExactSquares cpu = exact_squares_of(x, segments), gpu = exact_squares_of(x.to(at::kCUDA), segments);
      EXPECT_EQ(gpu.sum, cpu.sum) << sample.name << " " << x.scalar_type();
      EXPECT_EQ(gpu.first_nonfinite, kAllFinite);
    }
  }
}

TEST(ExactSquaresOnGpu, ReachOverAllOfFp64) {
  const at::Tensor x = made_of(2098, [](std::int64_t i) { return std::ldexp(1.25, static_cast<int>(i / 2) - 538); });
  const std::vector<Segment> all{{0, x.numel(), 0}};
  EXPECT_EQ(exact_squares_of(x.to(at::kCUDA), all).sum, exact_squares_of(x, all).sum);
  const at::Tensor small = x.narrow(0, 0, 40);
  EXPECT_EQ(exact_squares_of(small.to(at::kCUDA), {{0, 40, 0}}).sum, exact_squares_of(small, {{0, 40, 0}}).sum);
}

TEST(ExactSquaresOnGpu, FindEveryNonFiniteElement) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    for (const std::int64_t place : {0, 7, 4095, 4096, 5000, 9999}) {
      at::Tensor gradient = at::full({10000}, 2, at::kFloat);
      gradient[place] = bad;
      const ExactSquares got = exact_squares_of(gradient.to(at::kCUDA), {{0, 5000, 11}, {5000, 5000, 12}});
      EXPECT_EQ(got.sum, std::numeric_limits<double>::infinity());
      EXPECT_EQ(got.first_nonfinite, place < 5000 ? 11 : 12) << place;
    }
  }
}

}  // namespace
}  // namespace baleen::kernels::testing
