#include "tests/kernels/fp8_producer_cases.h"

#include <ATen/ops/zeros.h>

#include <array>
#include <functional>
#include <string>

#include "kernels/fp8_producers.h"
#include "kernels/swiglu.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

void expect_same_bits(const Fp8Operand& made, const Fp8Operand& expected) {
  ASSERT_EQ(made.defined(), expected.defined());
  if (!made.defined()) return;
  EXPECT_EQ(made.tile, expected.tile);
  EXPECT_TRUE(made.bytes.view(at::kByte).equal(expected.bytes.view(at::kByte)));
  EXPECT_TRUE(made.scales.view(at::kInt).equal(expected.scales.view(at::kInt)));
}

using Made = std::function<Fp8Matrix(const Fp8Form&)>;

/// `values`: what the op makes in BF16.
void expect_made(const Made& make, const at::Tensor& values, const std::string& name) {
  for (const Fp8Tile tile : {Fp8Tile::tensor, Fp8Tile::vector}) {
    for (const Fp8Parts parts : {Fp8Parts::both, Fp8Parts::rows, Fp8Parts::transposed}) {
      SCOPED_TRACE(::testing::Message() << name << " " << values.sizes() << " tile " << static_cast<int>(tile)
                                        << " parts " << static_cast<int>(parts));
      Fp8Form form{tile, parts, {}};
      if (tile == Fp8Tile::tensor) form.abs_max = at::zeros({1}, values.options().dtype(at::kFloat));
      const Fp8Matrix made = make(form), expected = quantize_fp8(values, Fp8Format::e4m3, tile, parts);
      expect_same_bits(made.rows, expected.rows);
      expect_same_bits(made.transposed, expected.transposed);
      if (tile == Fp8Tile::tensor) {
        EXPECT_TRUE(form.abs_max.view(at::kInt).equal(abs_max(values).view(at::kInt)));
      }
    }
  }
}

struct Random {
  c10::Device device;
  at::Tensor operator()(std::int64_t rows, std::int64_t columns, unsigned int seed = 1) const {
    return random_tensor({rows, columns}, at::kBFloat16, seed).to(device);
  }
};

/// Rows that kernels of their own take, and some that they do not; values that are not finite.
void expect_norms(const Random& random) {
  for (const auto& [rows, dim] : {std::array<std::int64_t, 2>{16, 16}, {144, 272}, {400, 2048}, {3, 33}, {32, 8208}}) {
    const at::Tensor weight = random(1, dim, 3).view({dim}), plain = random(rows, dim), bad = random(rows, dim);
    bad[rows / 2][5] = std::nan("");
    for (const at::Tensor& x : {plain, in_strided_rows(plain), bad}) {
      const RmsNorm apart = rms_norm(x, weight, 1e-5);
      const auto make = [&](const Fp8Form& form) {
        const RmsNormFp8 made = rms_norm_fp8(x, weight, 1e-5, form);
        EXPECT_TRUE(made.rstd.view(at::kInt).equal(apart.rstd.view(at::kInt)));
        return made.y;
      };
      expect_made(make, apart.y, "rms_norm");
    }
  }
}

void expect_swiglus(const Random& random) {
  for (const auto& [rows, width] :
       {std::array<std::int64_t, 2>{16, 128}, {144, 384}, {400, 256}, {48, 208}, {3, 33}, {16, 136}}) {
    const at::Tensor plain = random(rows, 2 * width), bad = random(rows, 2 * width), dy = random(rows, width, 2);
    bad[rows / 2][width + 5] = std::numeric_limits<float>::infinity();
    for (const at::Tensor& gate_up : {plain, in_strided_rows(plain), bad}) {
      expect_made([&](const Fp8Form& form) { return swiglu_fp8(gate_up, form); }, swiglu(gate_up), "swiglu");
      expect_made([&](const Fp8Form& form) { return swiglu_backward_fp8(dy, gate_up, form); },
                  swiglu_backward(dy, gate_up), "swiglu_backward");
    }
  }
}

}  // namespace

void expect_fp8_of_producers(c10::Device device) {
  const Random random{device};
  expect_norms(random);
  expect_swiglus(random);
}

}  // namespace baleen::kernels::testing
