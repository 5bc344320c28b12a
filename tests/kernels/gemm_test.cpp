#include "kernels/gemm.h"

#include <limits>

#include "core/error.h"
#include "tests/kernels/gradient_check.h"

namespace baleen::kernels::testing {
namespace {

/// a b, element by element.
at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor out = at::empty({a.size(0), b.size(1)}, at::kDouble);
  for (std::int64_t m = 0; m < a.size(0); ++m) {
    for (std::int64_t n = 0; n < b.size(1); ++n) {
      double sum = 0;
      for (std::int64_t k = 0; k < a.size(1); ++k) sum += a[m][k].item<double>() * b[k][n].item<double>();
      out[m][n] = sum;
    }
  }
  return out;
}

struct Layer {
  at::Tensor x, weight, bias, residual, dy;
};

Layer layer(std::int64_t tokens, std::int64_t in, std::int64_t out, at::ScalarType type = at::kDouble) {
  return {random_tensor({tokens, in}, type, 1), random_tensor({out, in}, type, 2), random_tensor({out}, type, 3),
          random_tensor({tokens, out}, type, 4), random_tensor({tokens, out}, type, 5)};
}

TEST(Gemm, ProductsFollowTheFormula) {
  for (const auto& [tokens, in, out] : {std::array{1, 1, 1}, {1, 7, 9}, {33, 7, 1}, {5, 33, 12}}) {
    const Layer l = layer(tokens, in, out);
    const at::Tensor y = product(l.x, l.weight.t());
    expect_close(linear(l.x, l.weight), y, 1e-14);
    expect_close(linear(in_strided_rows(l.x), in_strided_rows(l.weight), l.bias), y + l.bias, 1e-14);
    expect_close(linear(l.x, l.weight, {}, in_strided_rows(l.residual)), y + l.residual, 1e-14);
    expect_close(linear(l.x, l.weight, l.bias, l.residual), y + l.bias + l.residual, 1e-14);
    expect_close(linear_input_gradient(in_strided_rows(l.dy), l.weight), product(l.dy, l.weight), 1e-14);
    expect_close(bias_gradient(in_strided_rows(l.dy), at::kDouble), l.dy.sum(0), 1e-14);
  }
}

TEST(Gemm, GradientsAreThoseOfTheForward) {
  const Layer l = layer(3, 5, 4);
  const auto loss = [&] { return weighted_sum(linear(l.x, l.weight, l.bias), l.dy); };
  const at::Tensor dweight = at::empty({4, 5}, at::kDouble);
  linear_weight_gradient(l.dy, l.x, dweight, 0);
  expect_gradient(l.x, linear_input_gradient(l.dy, l.weight), loss);
  expect_gradient(l.weight, dweight, loss);
  expect_gradient(l.bias, bias_gradient(l.dy, at::kDouble), loss);
}

TEST(Gemm, WeightGradientOverwritesOrAddsInTheGradientsType) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const double tolerance = type == at::kDouble ? 1e-14 : 2e-6;
    const Layer l = layer(65, 12, 9, type);
    const at::Tensor expected = product(l.dy.t(), l.x);
    const at::Tensor out = at::empty({9, 12}, wide).fill_(std::numeric_limits<double>::quiet_NaN());
    linear_weight_gradient(l.dy, in_strided_rows(l.x), out, 0);
    expect_close(out, expected, tolerance);
    linear_weight_gradient(in_strided_rows(l.dy), l.x, out, 1);
    expect_close(out, expected * 2, tolerance);
    EXPECT_THROW(linear_weight_gradient(l.dy, l.x, out, 0.5), core::Error);
  }
}

TEST(Gemm, NoTokens) {
  const Layer l = layer(0, 5, 4);
  EXPECT_EQ(linear(l.x, l.weight, l.bias).sizes(), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(linear_input_gradient(l.dy, l.weight).sizes(), (std::vector<std::int64_t>{0, 5}));
  const at::Tensor out = at::empty({4, 5}, at::kFloat).fill_(3);
  linear_weight_gradient(l.dy.to(at::kFloat), l.x.to(at::kFloat), out, 1);
  EXPECT_EQ(out.sum().item<double>(), 60);
  linear_weight_gradient(l.dy.to(at::kFloat), l.x.to(at::kFloat), out, 0);
  EXPECT_EQ(largest(out), 0);
  EXPECT_EQ(largest(bias_gradient(l.dy, at::kDouble)), 0);
}

TEST(Gemm, BiasGradientComesInTheTypeAskedFor) {
  const at::Tensor dy = random_tensor({300, 7}, at::kBFloat16);
  EXPECT_EQ(bias_gradient(dy, at::kBFloat16).scalar_type(), at::kBFloat16);
  expect_close(bias_gradient(dy, at::kFloat), dy.to(at::kDouble).sum(0), 1e-6);
}

TEST(Gemm, RefusesShapesThatDoNotFit) {
  const Layer l = layer(3, 5, 4);
  EXPECT_THROW(linear(l.dy, l.weight), core::Error);
  EXPECT_THROW(linear(l.x, l.weight, l.residual), core::Error);
  EXPECT_THROW(linear_input_gradient(l.x, l.weight), core::Error);
  EXPECT_THROW(linear_weight_gradient(l.dy, l.x, l.weight.t(), 0), core::Error);
}

}  // namespace
}  // namespace baleen::kernels::testing
