#include "optim/gradient_norm.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/optim/unit_fixture.h"

namespace baleen::optim {
namespace {

const at::TensorOptions kF64 = at::TensorOptions().dtype(at::kDouble);

struct Sums {
  at::Tensor sum = at::zeros({}, kF64);
  at::Tensor first = at::full({}, kernels::kAllFinite, at::TensorOptions().dtype(at::kInt));
};

Sums squares_of(const at::Tensor& gradient, const std::vector<kernels::Segment>& segments) {
  Sums sums;
  kernels::squared_norm_(gradient, kernels::make_segment_table(segments, at::kCPU), sums.sum, sums.first);
  return sums;
}

TEST(SquaredNorm, CountsSegmentsOfAnySizeAndNothingElse) {
  const at::Tensor gradient = at::randn({100003}, kF64);
  const std::vector<kernels::Segment> segments{{0, 1, 0},        {3, 4095, 1},      {5000, 8192, 2},
                                               {20001, 4097, 3}, {90000, 10003, 4}, {7, 0, 5}};
  double expected = 0;
  for (const auto& segment : segments) {
    expected += gradient.narrow(0, segment.offset, segment.elements).square().sum().item<double>();
  }
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const Sums sums = squares_of(gradient.to(type), segments);
    EXPECT_NEAR(sums.sum.item<double>(), expected, (type == at::kDouble ? 1e-13 : 1e-6) * expected);
    EXPECT_EQ(sums.first.item<int>(), kernels::kAllFinite);
  }
}

TEST(SquaredNorm, Fp32GradientsAreSummedInFp64) {
  const at::Tensor gradient = at::full({1 << 20}, 1e-3f, at::TensorOptions().dtype(at::kFloat));
  const double square = static_cast<double>(1e-3f) * static_cast<double>(1e-3f);
  EXPECT_NEAR(squares_of(gradient, {{0, 1 << 20, 0}}).sum.item<double>(), square * (1 << 20), 1e-12);
  const at::Tensor large = at::full({64}, std::numeric_limits<float>::max(), gradient.options());
  EXPECT_TRUE(std::isfinite(squares_of(large, {{0, 64, 0}}).sum.item<double>()));
}

TEST(SquaredNorm, AddsToWhatIsThereWithTheSameBitsEveryTime) {
  const at::Tensor gradient = at::randn({50000}, kF64);
  const kernels::SegmentTable table = kernels::make_segment_table({{0, 50000, 0}}, at::kCPU);
  Sums once = squares_of(gradient, {{0, 50000, 0}}), again = squares_of(gradient, {{0, 50000, 0}});
  EXPECT_EQ(once.sum.item<double>(), again.sum.item<double>());
  kernels::squared_norm_(gradient, table, again.sum, again.first);
  EXPECT_EQ(again.sum.item<double>(), 2 * once.sum.item<double>());
}

TEST(SquaredNorm, EveryPlaceOfANonFiniteElementIsFound) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const std::int64_t place : {0, 1, 7, 8, 4095, 4096, 5000, 8192, 9999}) {
      at::Tensor gradient = at::zeros({10000}, at::TensorOptions().dtype(at::kFloat));
      gradient[place] = bad;
      const Sums sums = squares_of(gradient, {{0, 5000, 11}, {5000, 5000, 12}});
      EXPECT_FALSE(std::isfinite(sums.sum.item<double>()));
      EXPECT_EQ(sums.first.item<int>(), place < 5000 ? 11 : 12) << place;
    }
  }
}

class OnOneRank : public ::testing::TestWithParam<bool> {
 protected:
  double squares(const std::string& suffix) const {
    double sum = 0;
    for (const parallel::Unit* unit : units_) sum += unit->parameter(suffix).grad.square().sum().item<double>();
    return sum;
  }
  std::string first_named() {
    norm_.compute();
    return norm_.place(norm_.first_nonfinite().item<int>()).parameter;
  }

  const parallel::UnitOptions options_{at::kDouble, at::kDouble, at::kCPU};
  std::unique_ptr<parallel::Unit> a_ = tests::make_unit("a", options_), b_ = tests::make_unit("b", options_);
  std::vector<parallel::Unit*> units_{a_.get(), b_.get()};
  tests::OneRank one_rank_;
  GradientNorm norm_{units_, tests::names_of(units_), one_rank_.mesh, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(GradientNorm, OnOneRank, ::testing::Values(false, true));

TEST_P(OnOneRank, SumsOverAllUnitsAndStartsAnewEachTime) {
  for (const parallel::Unit* unit : units_) unit->gradient().copy_(at::randn(unit->gradient().sizes(), kF64));
  const double expected = squares("matrix") + squares("follower") + squares("norm") + squares("table");
  for (int time = 0; time < 2; ++time) {
    norm_.compute();
    EXPECT_NEAR(norm_.squared_norm().item<double>(), expected, 1e-12 * expected);
    EXPECT_EQ(norm_.first_nonfinite().item<int>(), kernels::kAllFinite);
  }
}

TEST_P(OnOneRank, NamesTheFirstNonFiniteParameter) {
  b_->parameter("table").grad[1][1] = NAN;
  EXPECT_EQ(first_named(), "b.table");
  b_->parameter("follower").grad[0][0] = INFINITY;
  EXPECT_EQ(first_named(), "b.follower");
  a_->parameter("norm").grad[6] = NAN;
  EXPECT_EQ(first_named(), "a.norm");
  EXPECT_FALSE(std::isfinite(norm_.squared_norm().item<double>()));
  a_->gradient().zero_();
  b_->gradient().zero_();
  norm_.compute();
  EXPECT_EQ(norm_.first_nonfinite().item<int>(), kernels::kAllFinite);
}

}  // namespace
}  // namespace baleen::optim
