#include <ATen/ops/cat.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include "kernels/device.h"
#include "kernels/gemm.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"
#include "tests/kernels/op_cases.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

constexpr double kEps = 1e-5;

at::ScalarType wide(const at::Tensor& t) {
  return compute_type(t.scalar_type());
}

void add_gemm(std::vector<OpCase>& cases) {
  for (const auto& [tokens, in, out] :
       {std::array<std::int64_t, 3>{1, 1, 1}, {7, 33, 9}, {129, 64, 257}, {256, 128, 384}, {1100, 8, 264}}) {
    const at::Tensor x = random_tensor({tokens, in}), weight = random_tensor({out, in}, at::kDouble, 2);
    const at::Tensor bias = random_tensor({out}, at::kDouble, 3),
                     residual = random_tensor({tokens, out}, at::kDouble, 4);
    const at::Tensor dy = random_tensor({tokens, out}, at::kDouble, 5);
    cases.push_back({sized("linear", {tokens, in, out}),
                     {x, weight, bias, residual},
                     [](const Tensors& t) {
                       return Tensors{linear(t[0], t[1]), linear(t[0], t[1], t[2]), linear(t[0], t[1], {}, t[3]),
                                      linear(t[0], t[1], t[2], t[3])};
                     },
                     [](const Tensors& t) {
                       const at::Tensor y = at::mm(t[0], t[1].t());
                       return Tensors{y, y + t[2], y + t[3], y + t[2] + t[3]};
                     },
                     kForward});
    cases.push_back(
        {sized("linear_backward", {tokens, in, out}),
         {x, weight, dy},
         [](const Tensors& t) {
           const at::Tensor written = poisoned_gradient(t[1].sizes(), t[0]);
           linear_weight_gradient(t[2], t[0], written, 0);
           const at::Tensor added = written.clone();
           linear_weight_gradient(t[2], t[0], added, 1);
           return Tensors{linear_input_gradient(t[2], t[1]), written, added, bias_gradient(t[2], wide(t[2]))};
         },
         [](const Tensors& t) {
           const at::Tensor dweight = at::mm(t[2].t(), t[0]);
           return Tensors{at::mm(t[2], t[1]), dweight, dweight + dweight, t[2].sum(0)};
         },
         kBackward});
  }
}

void add_rms_norm(std::vector<OpCase>& cases) {
  for (const auto& [rows, dim] : {std::array<std::int64_t, 2>{1, 1},
                                  {7, 33},
                                  {2000, 128},
                                  {33, 768},
                                  {130, 1025},
                                  {37, 2048},
                                  {600, 2056},
                                  {9, 8192},
                                  {5, 16392}}) {
    const at::Tensor x = random_tensor({rows, dim}), weight = random_tensor({dim}, at::kDouble, 2);
    const at::Tensor dy = random_tensor({rows, dim}, at::kDouble, 3),
                     residual = random_tensor({rows, dim}, at::kDouble, 4);
    cases.push_back(
        {sized("rms_norm", {rows, dim}),
         {x, weight},
         [](const Tensors& t) { return Tensors{rms_norm(t[0], t[1], kEps).y}; },
         [](const Tensors& t) { return Tensors{t[0] * t[0].square().mean(1, true).add(kEps).rsqrt() * t[1]}; },
         kForward});
    cases.push_back({sized("rms_norm_backward", {rows, dim}),
                     {x, weight, dy, residual},
                     [](const Tensors& t) {
                       const at::Tensor rstd = rms_norm(t[0], t[1], kEps).rstd;
                       const RmsNormGradient alone = rms_norm_backward(t[2], t[0], t[1], rstd);
                       const RmsNormGradient sum = rms_norm_backward(t[2], t[0], t[1], rstd, t[3]);
                       return Tensors{alone.dx, alone.dweight, sum.dx};
                     },
                     [](const Tensors& t) {
                       const at::Tensor rstd = t[0].square().mean(1, true).add(kEps).rsqrt(), normed = t[0] * rstd;
                       const at::Tensor weighted = t[2] * t[1];
                       const at::Tensor dx = rstd * (weighted - normed * (weighted * normed).mean(1, true));
                       return Tensors{dx, (t[2] * normed).sum(0), dx + t[3]};
                     },
                     kBackward});
  }
}

void add_rope(std::vector<OpCase>& cases) {
  for (const auto& [tokens, heads, head_dim] : {std::array<std::int64_t, 3>{1, 1, 2}, {7, 3, 6}, {65, 5, 64}}) {
    const at::Tensor qkv = random_tensor({tokens, (heads + 1) * head_dim}), positions = random_integers(tokens, 0, 50);
    const at::Tensor angles = random_tensor({50, head_dim / 2}, at::kDouble, 2);
    const auto turn = [heads = heads, head_dim = head_dim](const Tensors& t, bool inverse) {
      const at::Tensor y = copy_of(t[0]), tables = t[2].to(at::kDouble);
      rope_(y, static_cast<int>(heads), static_cast<int>(head_dim), t[1], tables.cos().to(wide(y)),
            tables.sin().to(wide(y)), inverse);
      return y;
    };
    const auto plain = [heads = heads, head_dim = head_dim](const Tensors& t, double direction) {
      const at::Tensor angle = t[2].to(at::kDouble).index_select(0, t[1]).unsqueeze(1);
      const at::Tensor cos = angle.cos().to(t[0].scalar_type()),
                       sin = angle.sin().mul(direction).to(t[0].scalar_type());
      const at::Tensor pairs = t[0].narrow(1, 0, heads * head_dim).unflatten(1, {heads, 2, head_dim / 2});
      const at::Tensor low = pairs.select(2, 0), high = pairs.select(2, 1);
      return at::cat({at::cat({low * cos - high * sin, high * cos + low * sin}, 2).flatten(1),
                      t[0].narrow(1, heads * head_dim, head_dim)},
                     1);
    };
    cases.push_back({sized("rope", {tokens, heads, head_dim}),
                     {qkv, positions, angles},
                     [turn](const Tensors& t) {
                       return Tensors{turn(t, false), turn(t, true)};
                     },
                     [plain](const Tensors& t) {
                       return Tensors{plain(t, 1), plain(t, -1)};
                     },
                     kForward});
  }
}

void add_swiglu(std::vector<OpCase>& cases) {
  for (const auto& [rows, width] : {std::array<std::int64_t, 2>{1, 1}, {7, 33}, {129, 512}, {3, 4100}}) {
    const at::Tensor gate_up = random_tensor({rows, 2 * width}), dy = random_tensor({rows, width}, at::kDouble, 2);
    cases.push_back({sized("swiglu", {rows, width}),
                     {gate_up},
                     [](const Tensors& t) { return Tensors{swiglu(t[0])}; },
                     [](const Tensors& t) {
                       const Tensors halves = t[0].chunk(2, 1);
                       return Tensors{at::silu(halves[0]) * halves[1]};
                     },
                     kForward});
    cases.push_back({sized("swiglu_backward", {rows, width}),
                     {gate_up, dy},
                     [](const Tensors& t) { return Tensors{swiglu_backward(t[1], t[0])}; },
                     [](const Tensors& t) {
                       const Tensors halves = t[0].chunk(2, 1);
                       const at::Tensor s = at::sigmoid(halves[0]), silu = halves[0] * s;
                       const at::Tensor slope = s + silu * (s.neg() + 1);
                       return Tensors{at::cat({t[1] * halves[1] * slope, t[1] * silu}, 1)};
                     },
                     kBackward});
  }
}

}  // namespace

std::vector<OpCase> layer_op_cases() {
  std::vector<OpCase> cases;
  add_gemm(cases);
  add_rms_norm(cases);
  add_rope(cases);
  add_swiglu(cases);
  return cases;
}

}  // namespace baleen::kernels::testing
