#include "models/linear.h"

#include "core/error.h"
#include "kernels/gemm.h"

namespace baleen::models {

Linear::Linear(Product product, std::optional<parallel::FusedParameters> bias, const parallel::TensorRegion& region)
    : product_(std::move(product)), bias_(std::move(bias)), region_(region) {}

Norm::Result Linear::normed(const Norm& norm, const at::Tensor& x, const Batch& batch, Saved& saved) const {
  if (!region_.sequence_parallel()) {
    const std::optional<kernels::Fp8Form> form = product_.form(batch, saved);
    return form ? norm.apply(x, *form) : norm.apply(x);
  }
  Norm::Result result = norm.apply(x);
  if (product_.in_fp8(batch)) result.y = product_.operand(region_.enter(result.y.plain), batch);
  return result;
}

Operand Linear::entered(Operand x) const {
  if (!x.in_fp8()) x.plain = region_.enter(x.plain);
  return x;
}

at::Tensor Linear::forward(const Operand& x) const {
  return product_.forward(entered(x), bias_ ? bias_->value() : at::Tensor());
}

at::Tensor Linear::backward(const Gradient& dy, Operand x, Saved& saved) const {
  const at::Tensor dx = product_.backward(dy, entered(std::move(x)), saved);
  if (bias_) {
    saved.weight_gradients().add_finished(*bias_, kernels::bias_gradient(dy.value, bias_->gradient_type()));
  }
  return region_.enter_backward(dx);
}

at::Tensor Linear::backward(Operand dy, Operand x, Saved& saved) const {
  core::require(!bias_, "the gradient of a bias is made of values that are not quantized");
  return region_.enter_backward(product_.backward(std::move(dy), entered(std::move(x)), saved));
}

ResidualLinear::ResidualLinear(Product product, Dropout dropout, const parallel::TensorRegion& region)
    : product_(std::move(product)), dropout_(std::move(dropout)), region_(region) {}

at::Tensor ResidualLinear::forward(const Operand& x, const at::Tensor& residual, const Batch& batch) const {
  const bool drops = dropout_.active(batch);
  if (region_.complete() && !drops) return product_.forward(x, {}, residual);
  at::Tensor sum = region_.leave(product_.forward(x));
  return drops ? dropout_.forward(sum, batch, residual) : sum.add_(residual);
}

at::Tensor ResidualLinear::backward(const Gradient& dy, Operand x, const Batch& batch, Saved& saved) const {
  const bool drops = dropout_.active(batch);
  Gradient dproduct = region_.leave_backward(drops ? dropout_.backward(dy.value, batch) : dy.value);
  if (!drops && !region_.sequence_parallel()) dproduct.abs_max = dy.abs_max;
  return product_.backward(dproduct, std::move(x), saved);
}

}  // namespace baleen::models
