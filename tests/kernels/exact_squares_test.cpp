#include "kernels/exact_squares.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/kernels/exact_sum.h"
#include "tests/kernels/square_samples.h"

namespace baleen::kernels::testing {
namespace {

const at::TensorOptions kF64 = at::TensorOptions().dtype(at::kDouble);
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ExactSquares, AreTheExactSumRoundedOnce) {
  for (const SquareSample& sample : square_samples()) {
    for (const at::Tensor& x : {sample.values.to(at::kFloat), sample.values}) {
      const ExactSquares got = exact_squares_of(x, {{0, x.numel(), 0}});
      EXPECT_EQ(got.sum, exact_sum_of_squares(x)) << sample.name << " " << x.scalar_type();
      EXPECT_EQ(got.first_nonfinite, kAllFinite) << sample.name;
    }
  }
}

// Cut into segments, given to ranks and shuffled: no bit changes.
TEST(ExactSquares, DependOnNoOrderAndNoPartition) {
  for (const SquareSample& sample : square_samples()) {
    const at::Tensor x = sample.values.to(at::kFloat);
    const double whole = exact_squares_of(x, {{0, x.numel(), 0}}).sum;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const at::Tensor shuffled = x.index_select(0, random_permutation(x.numel(), seed));
      const at::Tensor sum = at::zeros({}, kF64), bins = make_square_bins(at::kCPU);
      std::int64_t done = 0;
      for (const std::int64_t part : random_parts(x.numel(), 7, seed)) {
        const at::Tensor rank = make_square_bins(at::kCPU), first = at::zeros({}, at::kInt);
        exact_squares_(shuffled, make_segment_table({{done, part, 0}}, at::kCPU), rank, first);
        bins.add_(rank);
        done += part;
      }
      round_square_bins(bins, sum);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(sum.item<double>()), std::bit_cast<std::uint64_t>(whole)) << sample.name;
    }
  }
}

double sum_of(const std::vector<double>& values) {
  const at::Tensor x = at::zeros({static_cast<std::int64_t>(values.size())}, kF64);
  std::copy(values.begin(), values.end(), x.mutable_data_ptr<double>());
  return exact_squares_of(x, {{0, x.numel(), 0}}).sum;
}

TEST(ExactSquares, RoundToNearestEven) {
  const double big = std::ldexp(1.0, 27), square = std::ldexp(1.0, 54);  // whose neighbours are 4 apart
  EXPECT_EQ(sum_of({big, 1}), square);
  EXPECT_EQ(sum_of({big, 1, 1}), square);
  EXPECT_EQ(sum_of({big, 1, 1, 1}), square + 4);
  EXPECT_EQ(sum_of({big, 2, 1, 1}), square + 8);
  EXPECT_EQ(sum_of({big, 1, 1, std::ldexp(1.0, -537)}), square + 4);  // just above the middle
  std::vector<double> carry(1 << 12, std::ldexp(1.0, 26));            // 2^64 - 2^52 + 2^52
  EXPECT_EQ(sum_of(carry), std::ldexp(1.0, 64));
}

TEST(ExactSquares, ReachFromTheSmallestToTheLargestNumber) {
  EXPECT_EQ(sum_of({}), 0);
  EXPECT_EQ(sum_of({0, -0.0}), 0);
  EXPECT_EQ(sum_of({std::ldexp(1.0, -537)}), std::numeric_limits<double>::denorm_min());
  EXPECT_EQ(sum_of({std::ldexp(1.5, -538)}), std::numeric_limits<double>::denorm_min()) << "rounded";
  EXPECT_EQ(sum_of({std::ldexp(1.0, -538)}), 0) << "dropped";
  const double largest = std::ldexp(1.0, 511);  // its square is 2^1022
  EXPECT_EQ(sum_of({largest, largest, largest}), 3 * (largest * largest));
  EXPECT_EQ(sum_of({largest, largest, largest, largest}), kInfinity);
}

TEST(ExactSquares, OfTheSmallestAndLargestFp32AreExact) {
  const float tiny = std::numeric_limits<float>::denorm_min(), huge = std::numeric_limits<float>::max();
  const at::Tensor x = at::full({1 << 16}, tiny, at::kFloat);
  EXPECT_EQ(exact_squares_of(x, {{0, 1 << 16, 0}}).sum, std::ldexp(1.0, 16 - 298));
  x.fill_(huge);
  const double square = static_cast<double>(huge) * static_cast<double>(huge);
  EXPECT_EQ(exact_squares_of(x, {{0, 1 << 16, 0}}).sum, std::ldexp(square, 16));
}

TEST(ExactSquares, EveryPlaceOfANonFiniteElementIsFound) {
  for (const double bad : {std::nan(""), kInfinity, -kInfinity}) {
    for (const std::int64_t place : {0, 1, 7, 8, 4095, 4096, 5000, 8192, 9999}) {
      at::Tensor gradient = at::zeros({10000}, at::kFloat);
      gradient[place] = bad;
      const ExactSquares got = exact_squares_of(gradient, {{0, 5000, 11}, {5000, 5000, 12}});
      EXPECT_EQ(got.sum, kInfinity);
      EXPECT_EQ(got.first_nonfinite, place < 5000 ? 11 : 12) << place;
    }
  }
  const ExactSquares overflow = exact_squares_of(at::full({3}, 1e200, kF64), {{0, 3, 4}});
  EXPECT_EQ(overflow.sum, kInfinity) << "the square of an element";
  EXPECT_EQ(overflow.first_nonfinite, 4);
  const ExactSquares sum = exact_squares_of(at::full({4}, std::ldexp(1.0, 511), kF64), {{0, 4, 4}});
  EXPECT_EQ(sum.first_nonfinite, kAllFinite) << "only the sum is beyond FP64";
}

TEST(ExactSquares, CountTheSegmentsAndAddToWhatIsThere) {
  const at::Tensor x = square_samples().front().values, bins = make_square_bins(at::kCPU);
  const at::Tensor first = at::full({}, kAllFinite, at::kInt), sum = at::zeros({}, kF64);
  const SegmentTable table = make_segment_table({{1, 5000, 0}, {7000, 3, 1}}, at::kCPU);
  for (int time = 0; time < 3; ++time) exact_squares_(x, table, bins, first);
  round_square_bins(bins, sum);
  const at::Tensor counted = at::zeros({3 * 5003}, kF64);
  for (int time = 0; time < 3; ++time) {
    counted.narrow(0, time * 5003, 5000).copy_(x.narrow(0, 1, 5000));
    counted.narrow(0, time * 5003 + 5000, 3).copy_(x.narrow(0, 7000, 3));
  }
  EXPECT_EQ(sum.item<double>(), exact_sum_of_squares(counted));
}

}  // namespace
}  // namespace baleen::kernels::testing
