#include "models/product.h"

#include "kernels/gemm.h"
#include "models/fp8_linears.h"

namespace baleen::models {
namespace {

using kernels::Fp8Parts;

/// Of all that is quantized here. E5M2 holds a wider spread, but rounds gradients by more than the 5 % that a product
/// may be off, and E4M3 with a scale of its own for each tensor has 18 binary places below the largest.
constexpr kernels::Fp8Format kFormat = kernels::Fp8Format::e4m3;

/// The transpose of an input is for the gradient of the weight.
Fp8Parts parts_for(const Batch& batch) {
  return batch.mode == Mode::train ? Fp8Parts::both : Fp8Parts::rows;
}

}  // namespace

bool Product::in_fp8(const Batch& batch) const {
  return fp8_ && batch.mode != Mode::generate && batch.tokens.size(0) % kFp8Multiple == 0;
}

at::Tensor Product::abs_max(const Batch& batch, Saved& saved) const {
  if (!in_fp8(batch) || *fp8_ != kernels::Fp8Recipe::tensor) return {};
  return saved.abs_max_slot(weight_.fp8().rows.bytes.device());
}

std::optional<kernels::Fp8Form> Product::form(const Batch& batch, Saved& saved) const {
  if (!in_fp8(batch)) return std::nullopt;
  return kernels::Fp8Form{activation_tile(*fp8_), parts_for(batch), abs_max(batch, saved)};
}

Operand Product::operand(at::Tensor x, const Batch& batch, const at::Tensor& abs_max) const {
  if (!in_fp8(batch)) return {std::move(x), {}};
  return {{}, kernels::quantize_fp8(x, kFormat, activation_tile(*fp8_), parts_for(batch), abs_max)};
}

at::Tensor Product::forward(const Operand& x, const at::Tensor& bias, const at::Tensor& residual) const {
  if (x.in_fp8()) return kernels::linear(x.fp8, weight_.fp8(), bias, residual);
  return kernels::linear(x.plain, weight_.value(), bias, residual);
}

at::Tensor Product::backward(const parallel::Gradient& dy, Operand x, Saved& saved) const {
  Operand quantized{dy.value, {}};
  if (x.in_fp8())
    quantized = {{}, kernels::quantize_fp8(dy.value, kFormat, activation_tile(*fp8_), Fp8Parts::both, dy.abs_max)};
  return backward(std::move(quantized), std::move(x), saved);
}

at::Tensor Product::backward(Operand dy, Operand x, Saved& saved) const {
  const Operand read = dy;
  saved.weight_gradients().add_gemm(weight_, std::move(dy), std::move(x));
  return read.in_fp8() ? kernels::linear_input_gradient(read.fp8, weight_.fp8())
                       : kernels::linear_input_gradient(read.plain, weight_.value());
}

}  // namespace baleen::models
