#include "tests/kernels/fp8_samples.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace baleen::kernels::testing {
namespace {

/// Random bit patterns: every exponent of BF16, none that is not finite.
at::Tensor wild(std::int64_t rows, std::int64_t columns) {
  const at::Tensor exponents = random_integers(rows * columns, -133, 128, 3).to(at::kDouble).view({rows, columns});
  return (random_tensor({rows, columns}).clamp_(-1.9, 1.9) * exponents.exp2()).to(at::kBFloat16);
}

/// Small integers and halves of them: ties of the formats, whatever the power of two.
at::Tensor ties(std::int64_t rows, std::int64_t columns) {
  return (random_integers(rows * columns, -64, 65, 4).to(at::kDouble) / 64).view({rows, columns}).to(at::kBFloat16);
}

double root_mean_square(const at::Tensor& t) {
  return std::sqrt(t.to(at::kDouble).square().mean().item<double>());
}

void expect_within(double share, const at::Tensor& actual, const at::Tensor& exact, const char* what) {
  EXPECT_EQ(actual.sizes(), exact.sizes());
  EXPECT_LE(root_mean_square(actual.to(at::kCPU, at::kDouble) - exact), share * root_mean_square(exact)) << what;
}

}  // namespace

std::vector<at::Tensor> fp8_samples() {
  std::vector<at::Tensor> samples;
  for (const auto& [rows, columns] :
       {std::array<std::int64_t, 2>{1, 1}, {3, 129}, {128, 128}, {144, 272}, {257, 31}, {64, 1000}})
    samples.push_back(random_tensor({rows, columns}, at::kBFloat16));
  samples.push_back(at::zeros({130, 140}, at::kBFloat16));
  samples.push_back(wild(150, 260));
  samples.push_back(ties(130, 150));
  for (const double scale : {0x1p-130, 0x1p-120, 0x1p120})
    samples.push_back((random_tensor({33, 130}) * scale).to(at::kBFloat16));
  return samples;
}

void expect_layer_products(Fp8Recipe recipe, Fp8Format gradients, std::int64_t tokens, std::int64_t in,
                           std::int64_t out, at::Device device) {
  constexpr double kError = 0.05;
  const double of_gradients = gradients == Fp8Format::e4m3 ? kError : 0.07;
  const auto random = [&](at::IntArrayRef sizes, double size, unsigned int seed) {
    return (random_tensor(sizes, at::kDouble, seed) * size).to(at::kBFloat16);
  };
  const at::Tensor x = random({tokens, in}, 1, 1), weight = random({out, in}, 0.02, 2), bias = random({out}, 0.1, 3);
  const at::Tensor residual = random({tokens, out}, 1, 4), dy = random({tokens, out}, 1e-6, 5);
  const auto fp64 = [](const at::Tensor& t) { return t.to(at::kDouble); };
  const auto there = [&](const at::Tensor& t) { return t.to(device); };
  const auto quantize = [&](const at::Tensor& t, Fp8Format format, Fp8Tile tile) {
    return quantize_fp8(there(t), format, tile);
  };
  const Fp8Matrix qx = quantize(x, Fp8Format::e4m3, activation_tile(recipe));
  const Fp8Matrix qweight = quantize(weight, Fp8Format::e4m3, weight_tile(recipe));
  const Fp8Matrix qdy = quantize(dy, gradients, activation_tile(recipe));

  const at::Tensor y = at::matmul(fp64(x), fp64(weight).t());
  expect_within(kError, linear(qx, qweight), y, "forward");
  expect_within(kError, linear(qx, qweight, there(bias)), y + fp64(bias), "forward with bias");
  expect_within(kError, linear(qx, qweight, {}, there(residual)), y + fp64(residual), "forward with residual");
  expect_within(kError, linear(qx, qweight, there(bias), there(residual)), y + fp64(bias) + fp64(residual),
                "forward with both");
  expect_within(of_gradients, linear_input_gradient(qdy, qweight), at::matmul(fp64(dy), fp64(weight)),
                "gradient of the input");

  const at::Tensor exact = at::matmul(fp64(dy).t(), fp64(x));
  const at::Tensor gradient = there(at::empty({out, in}, at::kFloat).fill_(std::nan("")));
  linear_weight_gradient(qdy, qx, gradient, 0);
  expect_within(of_gradients, gradient, exact, "gradient of the weight");
  linear_weight_gradient(qdy, qx, gradient, 1);
  expect_within(of_gradients, gradient, exact * 2, "gradient of the weight, added");
}

}  // namespace baleen::kernels::testing
