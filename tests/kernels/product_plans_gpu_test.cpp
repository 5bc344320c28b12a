// Plans of products: measured, used, and harmless where they are wrong.

#include "kernels/product_plans.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/gemm.h"
#include "tests/kernels/precision.h"

namespace baleen::kernels::testing {
namespace {

const at::Device kGpu(at::kCUDA, 0);

/// All three products of a layer, with and without bias, residual and accumulation.
void compute_all(std::int64_t tokens, std::int64_t in, std::int64_t out, at::ScalarType type) {
  const auto random = [&](at::IntArrayRef sizes, unsigned int seed) {
    return random_tensor(sizes, type, seed).to(kGpu);
  };
  const at::Tensor x = random({tokens, in}, 1), weight = random({out, in}, 2), bias = random({out}, 3);
  const at::Tensor residual = random({tokens, out}, 4), dy = random({tokens, out}, 5);
  const auto fp64 = [](const at::Tensor& t) { return t.to(at::kCPU, at::kDouble); };
  const at::Tensor exact = at::matmul(fp64(x), fp64(weight).t());
  const double rounding = 4 * one_rounding(type);
  expect_close(linear(x, weight), exact, rounding);
  expect_close(linear(x, weight, bias), exact + fp64(bias), rounding);
  expect_close(linear(x, weight, {}, residual), exact + fp64(residual), rounding);
  expect_close(linear_input_gradient(dy, weight), at::matmul(fp64(dy), fp64(weight)), rounding);
  const at::Tensor gradient = at::empty({out, in}, x.options().dtype(at::kFloat));
  const at::Tensor exact_gradient = at::matmul(fp64(dy).t(), fp64(x));
  linear_weight_gradient(dy, x, gradient, 0);
  expect_close(gradient, exact_gradient, 1e-5);
  linear_weight_gradient(dy, x, gradient, 1);
  expect_close(gradient, exact_gradient * 2, 1e-5);
}

bool lists(const std::string& products, const std::string& shape) {
  return products.find(shape) != std::string::npos;
}

TEST(ProductPlans, AreMeasuredOnceAndUsed) {
  compute_all(384, 256, 640, at::kBFloat16);
  const std::string before = unplanned_products(kGpu);
  EXPECT_TRUE(lists(before, " 640 ")) << before;
  const std::string plans = plan_products(before, kGpu);
  EXPECT_EQ(std::count(plans.begin(), plans.end(), '\n'), std::count(before.begin(), before.end(), '\n'));
  use_product_plans(plans, kGpu);
  EXPECT_EQ(unplanned_products(kGpu), "");
  compute_all(384, 256, 640, at::kBFloat16);
  EXPECT_EQ(unplanned_products(kGpu), "") << "the plans fit the same products";
}

TEST(ProductPlans, AreNotForFp32) {
  compute_all(72, 40, 56, at::kFloat);
  EXPECT_FALSE(lists(unplanned_products(kGpu), " 56 "));
}

TEST(ProductPlans, ThatAreWrongDoNoHarm) {
  compute_all(136, 88, 104, at::kHalf);
  std::string wrong = "no plan at all\n";
  std::string products = unplanned_products(kGpu);
  EXPECT_TRUE(lists(products, " 104 "));
  for (std::size_t start = 0; start < products.size(); start = products.find('\n', start) + 1)
    wrong +=
        products.substr(start, products.find('\n', start) - start) + " = ffff ffff ffff ffff ffff ffff ffff ffff\n";
  use_product_plans(wrong, kGpu);
  compute_all(136, 88, 104, at::kHalf);
  EXPECT_TRUE(lists(unplanned_products(kGpu), " 104 ")) << "the library refused them";
}

TEST(ProductPlans, HoldForOneKindOfGpuAndOneLibrary) {
  EXPECT_NE(product_plans_scope(kGpu).find(", cuBLASLt "), std::string::npos);
}

}  // namespace
}  // namespace baleen::kernels::testing
