#include "tests/kernels/abs_max_cases.h"

#include <ATen/ops/full.h>

#include <cmath>
#include <functional>

#include "kernels/abs_max.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

using Producer = std::function<at::Tensor(const at::Tensor& abs_max)>;

void expect_abs_max(const Producer& make, const char* name, bool finite = true) {
  const at::Tensor plain = make({});
  const auto slot = [&](double value) { return at::full({1}, value, at::kFloat).to(plain.device()); };
  const at::Tensor raised = slot(0), left = slot(1e30);
  EXPECT_EQ(difference(make(raised), plain) > 0, false) << name;
  if (!finite) {
    EXPECT_TRUE(raised.isnan().item<bool>()) << name;
    return;
  }
  EXPECT_EQ(raised.item<double>(), largest(plain)) << name << " " << plain.sizes();
  make(left);
  EXPECT_EQ(left.item<float>(), 1e30F) << name << ": it is raised, never lowered";
}

struct Random {
  c10::Device device;
  at::Tensor operator()(std::int64_t rows, std::int64_t columns, unsigned int seed = 1) const {
    return random_tensor({rows, columns}, at::kBFloat16, seed).to(device);
  }
};

void expect_norms(const Random& random) {
  for (const auto& [rows, dim] :
       {std::array<std::int64_t, 2>{1, 1}, {3, 33}, {700, 64}, {37, 2048}, {5, 1031}, {3, 8200}}) {
    const at::Tensor x = random(rows, dim), dy = random(rows, dim, 2), weight = random(1, dim, 3).view({dim});
    const at::Tensor rstd = rms_norm(x, weight, 1e-5).rstd;
    expect_abs_max([&](const at::Tensor& slot) { return rms_norm(x, weight, 1e-5, slot).y; }, "rms_norm");
    expect_abs_max([&](const at::Tensor& slot) { return rms_norm_backward(dy, x, weight, rstd, dy, slot).dx; },
                   "rms_norm_backward");
  }
}

void expect_swiglus(const Random& random) {
  for (const auto& [rows, width] : {std::array<std::int64_t, 2>{1, 1}, {7, 33}, {129, 512}, {3, 4104}}) {
    const at::Tensor gate_up = random(rows, 2 * width), dy = random(rows, width, 2);
    expect_abs_max([&](const at::Tensor& slot) { return swiglu(gate_up, slot); }, "swiglu");
    expect_abs_max([&](const at::Tensor& slot) { return swiglu_backward(dy, gate_up, slot); }, "swiglu_backward");
  }
}

/// The largest value is once among what is rotated, once in what is not.
void expect_ropes(const Random& random) {
  for (const auto& [tokens, heads, head_dim] : {std::array<std::int64_t, 3>{1, 1, 2}, {7, 3, 6}, {65, 5, 64}}) {
    for (const std::int64_t place : {std::int64_t{0}, heads * head_dim + 2}) {
      const at::Tensor rows = random(tokens, heads * head_dim + 3), angles = random(50, head_dim / 2).to(at::kFloat);
      rows[0][place] = 1000;
      const at::Tensor positions = random_integers(tokens, 0, 50).to(random.device);
      const auto make = [&, heads = heads, head_dim = head_dim](const at::Tensor& slot) {
        at::Tensor turned = rows.clone();
        rope_(turned, static_cast<int>(heads), static_cast<int>(head_dim), positions, angles.cos(), angles.sin(), true,
              slot);
        return turned;
      };
      expect_abs_max(make, "rope_");
    }
  }
}

}  // namespace

void expect_abs_max_of_producers(c10::Device device) {
  const Random random{device};
  expect_norms(random);
  expect_swiglus(random);
  expect_ropes(random);
  const at::Tensor bad = random(129, 512);
  bad[77][300] = std::nan("");
  expect_abs_max([&](const at::Tensor& slot) { return swiglu(bad, slot); }, "swiglu", false);
}

}  // namespace baleen::kernels::testing
