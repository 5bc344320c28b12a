#include "models/linear.h"

#include "kernels/gemm.h"

namespace baleen::models {

Linear::Linear(parallel::FusedParameters weight, std::optional<parallel::FusedParameters> bias,
               const parallel::TensorRegion& region)
    : weight_(std::move(weight)), bias_(std::move(bias)), region_(region) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  return kernels::linear(region_.enter(x), weight_.value(), bias_ ? bias_->value() : at::Tensor());
}

at::Tensor Linear::backward(const at::Tensor& dy, const at::Tensor& x, Saved& saved) const {
  saved.weight_gradients().add_gemm(weight_, dy, region_.enter(x));
  if (bias_) {
    saved.weight_gradients().add_finished(*bias_, kernels::bias_gradient(dy, bias_->gradient_type()));
  }
  return region_.enter_backward(kernels::linear_input_gradient(dy, weight_.value()));
}

ResidualLinear::ResidualLinear(parallel::FusedParameters weight, Dropout dropout, const parallel::TensorRegion& region)
    : weight_(std::move(weight)), dropout_(std::move(dropout)), region_(region) {}

at::Tensor ResidualLinear::forward(const at::Tensor& x, const at::Tensor& residual, const Batch& batch) const {
  const bool drops = dropout_.active(batch);
  if (region_.complete() && !drops) return kernels::linear(x, weight_.value(), {}, residual);
  at::Tensor sum = region_.leave(kernels::linear(x, weight_.value()));
  return drops ? dropout_.forward(sum, batch, residual) : sum.add_(residual);
}

at::Tensor ResidualLinear::backward(const at::Tensor& dy, const at::Tensor& x, const Batch& batch, Saved& saved) const {
  const at::Tensor dproduct = region_.leave_backward(dropout_.active(batch) ? dropout_.backward(dy, batch) : dy);
  saved.weight_gradients().add_gemm(weight_, dproduct, x);
  return kernels::linear_input_gradient(dproduct, weight_.value());
}

}  // namespace baleen::models
