#include "kernels/rope.h"

#include <cmath>
#include <complex>

#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

struct Tables {
  at::Tensor cos, sin;
};

Tables tables(std::int64_t positions, std::int64_t head_dim, at::ScalarType type = at::kDouble) {
  const Tables t{at::empty({positions, head_dim / 2}, at::kDouble), at::empty({positions, head_dim / 2}, at::kDouble)};
  for (std::int64_t p = 0; p < positions; ++p) {
    for (std::int64_t i = 0; i < head_dim / 2; ++i) {
      const double angle =
          static_cast<double>(p) * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
      t.cos[p][i] = std::cos(angle);
      t.sin[p][i] = std::sin(angle);
    }
  }
  return {t.cos.to(type), t.sin.to(type)};
}

TEST(Rope, RotatesPairsByTheirAngle) {
  constexpr int kHeads = 3, kHeadDim = 6;
  const at::Tensor x = random_tensor({5, (kHeads + 1) * kHeadDim}), positions = random_integers(5, 0, 40);
  const Tables t = tables(40, kHeadDim);
  const at::Tensor y = in_strided_rows(x);
  rope_(y, kHeads, kHeadDim, positions, t.cos, t.sin, false);
  for (std::int64_t token = 0; token < 5; ++token) {
    const auto p = positions[token].item<std::int64_t>();
    for (std::int64_t head = 0; head < kHeads; ++head) {
      for (std::int64_t i = 0; i < kHeadDim / 2; ++i) {
        const std::int64_t low = head * kHeadDim + i, high = low + kHeadDim / 2;
        const std::complex<double> turned = std::complex(x[token][low].item<double>(), x[token][high].item<double>()) *
                                            std::complex(t.cos[p][i].item<double>(), t.sin[p][i].item<double>());
        EXPECT_NEAR(y[token][low].item<double>(), turned.real(), 1e-14);
        EXPECT_NEAR(y[token][high].item<double>(), turned.imag(), 1e-14);
      }
    }
  }
  EXPECT_TRUE(y.narrow(1, kHeads * kHeadDim, kHeadDim).equal(x.narrow(1, kHeads * kHeadDim, kHeadDim)));
}

TEST(Rope, InverseIsTheTransposeAndTurnsBack) {
  const at::Tensor x = random_tensor({7, 32}), dy = random_tensor({7, 32}, at::kDouble, 2);
  const at::Tensor positions = random_integers(7, 0, 9);
  const Tables t = tables(9, 16);
  const at::Tensor y = x.clone(), dx = dy.clone();
  rope_(y, 2, 16, positions, t.cos, t.sin, false);
  rope_(dx, 2, 16, positions, t.cos, t.sin, true);
  EXPECT_NEAR(y.mul(dy).sum().item<double>(), x.mul(dx).sum().item<double>(), 1e-12);
  rope_(y, 2, 16, positions, t.cos, t.sin, true);
  expect_close(y, x, 1e-14);
}

TEST(Rope, HalfTypesAreRoundedOnce) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor x = random_tensor({7, 32}, type), positions = random_integers(7, 0, 9);
    const Tables wide = tables(9, 16), narrow = tables(9, 16, at::kFloat);
    const at::Tensor exact = x.to(at::kDouble), y = x.clone();
    rope_(exact, 2, 16, positions, wide.cos, wide.sin, false);
    rope_(y, 2, 16, positions, narrow.cos, narrow.sin, false);
    EXPECT_LE(difference(y, exact.to(type)), largest(exact) * (type == at::kHalf ? 0x1p-11 : 0x1p-8));
  }
}

}  // namespace
}  // namespace baleen::kernels::testing
