#include "models/product.h"

#include <ATen/ops/zeros.h>

#include "kernels/gemm.h"
#include "models/fp8_linears.h"

namespace baleen::models {
namespace {

/// Of all that is quantized here. E5M2 holds a wider spread, but rounds gradients by more than the 5 % that a product
/// may be off, and E4M3 with a scale of its own for each tensor has 18 binary places below the largest.
constexpr kernels::Fp8Format kFormat = kernels::Fp8Format::e4m3;

}  // namespace

bool Product::in_fp8(const Batch& batch) const {
  return fp8_ && batch.mode != Mode::generate && batch.tokens.size(0) % kFp8Multiple == 0;
}

at::Tensor Product::abs_max(const Batch& batch) const {
  if (!in_fp8(batch) || *fp8_ != kernels::Fp8Recipe::tensor) return {};
  return at::zeros({1}, weight_.fp8().rows.bytes.options().dtype(at::kFloat));
}

Operand Product::operand(at::Tensor x, const Batch& batch, const at::Tensor& abs_max) const {
  if (!in_fp8(batch)) return {std::move(x), {}};
  const kernels::Fp8Parts parts = batch.mode == Mode::train ? kernels::Fp8Parts::both : kernels::Fp8Parts::rows;
  return {{}, kernels::quantize_fp8(x, kFormat, activation_tile(*fp8_), parts, abs_max)};
}

at::Tensor Product::forward(const Operand& x, const at::Tensor& bias, const at::Tensor& residual) const {
  if (x.in_fp8()) return kernels::linear(x.fp8, weight_.fp8(), bias, residual);
  return kernels::linear(x.plain, weight_.value(), bias, residual);
}

at::Tensor Product::backward(const at::Tensor& dy, Operand x, Saved& saved, const at::Tensor& abs_max) const {
  if (!x.in_fp8()) {
    saved.weight_gradients().add_gemm(weight_, {dy, {}}, std::move(x));
    return kernels::linear_input_gradient(dy, weight_.value());
  }
  const kernels::Fp8Matrix quantized =
      kernels::quantize_fp8(dy, kFormat, activation_tile(*fp8_), kernels::Fp8Parts::both, abs_max);
  saved.weight_gradients().add_gemm(weight_, {{}, quantized}, std::move(x));
  return kernels::linear_input_gradient(quantized, weight_.fp8());
}

}  // namespace baleen::models
