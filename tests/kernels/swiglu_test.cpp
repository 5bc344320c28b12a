#include "kernels/swiglu.h"

#include <cmath>

#include "tests/kernels/gradient_check.h"

namespace baleen::kernels::testing {
namespace {

TEST(Swiglu, FollowsTheFormula) {
  for (const std::int64_t width : {1, 7, 33, 129}) {
    SCOPED_TRACE(width);
    const at::Tensor gate_up = random_tensor({4, 2 * width});
    const at::Tensor y = swiglu(gate_up);
    for (std::int64_t row = 0; row < 4; ++row) {
      for (std::int64_t i = 0; i < width; ++i) {
        const double gate = gate_up[row][i].item<double>(), up = gate_up[row][width + i].item<double>();
        EXPECT_NEAR(y[row][i].item<double>(), gate / (1 + std::exp(-gate)) * up, 1e-13);
      }
    }
    EXPECT_TRUE(swiglu(in_strided_rows(gate_up)).equal(y));
  }
}

TEST(Swiglu, GradientIsThatOfTheForward) {
  const at::Tensor gate_up = random_tensor({3, 2 * 7}), dy = random_tensor({3, 7}, at::kDouble, 2);
  const at::Tensor gradient = swiglu_backward(dy, gate_up);
  expect_gradient(gate_up, gradient, [&] { return weighted_sum(swiglu(gate_up), dy); });
  EXPECT_TRUE(swiglu_backward(in_strided_rows(dy), in_strided_rows(gate_up)).equal(gradient));
}

TEST(Swiglu, StaysFiniteForLargeGates) {
  const at::Tensor gate_up = at::empty({1, 4}, at::kFloat);
  gate_up[0][0] = -200, gate_up[0][1] = 200, gate_up[0][2] = 2, gate_up[0][3] = 2;
  const at::Tensor y = swiglu(gate_up), gradient = swiglu_backward(y.new_ones({1, 2}), gate_up);
  EXPECT_EQ(y[0][0].item<float>(), 0);
  EXPECT_EQ(y[0][1].item<float>(), 400);
  EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace baleen::kernels::testing
