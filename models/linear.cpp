#include "models/linear.h"

#include "kernels/gemm.h"

namespace baleen::models {

Linear::Linear(Product product, std::optional<parallel::FusedParameters> bias, const parallel::TensorRegion& region)
    : product_(std::move(product)), bias_(std::move(bias)), region_(region) {}

at::Tensor Linear::input_abs_max(const Batch& batch) const {
  return region_.sequence_parallel() ? at::Tensor() : product_.abs_max(batch);
}

Operand Linear::operand(at::Tensor x, const Batch& batch, const at::Tensor& abs_max) const {
  if (!product_.in_fp8(batch)) return {std::move(x), {}};
  return product_.operand(region_.enter(x), batch, abs_max);
}

Operand Linear::entered(Operand x) const {
  if (!x.in_fp8()) x.plain = region_.enter(x.plain);
  return x;
}

at::Tensor Linear::forward(const Operand& x) const {
  return product_.forward(entered(x), bias_ ? bias_->value() : at::Tensor());
}

at::Tensor Linear::backward(const at::Tensor& dy, Operand x, Saved& saved, const at::Tensor& abs_max) const {
  const at::Tensor dx = product_.backward(dy, entered(std::move(x)), saved, abs_max);
  if (bias_) {
    saved.weight_gradients().add_finished(*bias_, kernels::bias_gradient(dy, bias_->gradient_type()));
  }
  return region_.enter_backward(dx);
}

ResidualLinear::ResidualLinear(Product product, Dropout dropout, const parallel::TensorRegion& region)
    : product_(std::move(product)), dropout_(std::move(dropout)), region_(region) {}

at::Tensor ResidualLinear::forward(const Operand& x, const at::Tensor& residual, const Batch& batch) const {
  const bool drops = dropout_.active(batch);
  if (region_.complete() && !drops) return product_.forward(x, {}, residual);
  at::Tensor sum = region_.leave(product_.forward(x));
  return drops ? dropout_.forward(sum, batch, residual) : sum.add_(residual);
}

at::Tensor ResidualLinear::backward(const at::Tensor& dy, Operand x, const Batch& batch, Saved& saved) const {
  const at::Tensor dproduct = region_.leave_backward(dropout_.active(batch) ? dropout_.backward(dy, batch) : dy);
  return product_.backward(dproduct, std::move(x), saved);
}

}  // namespace baleen::models
