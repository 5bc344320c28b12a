#include "models/linear.h"

#include "kernels/gemm.h"

namespace baleen::models {

Linear::Linear(parallel::FusedParameters weight, std::optional<parallel::FusedParameters> bias)
    : weight_(std::move(weight)), bias_(std::move(bias)) {}

at::Tensor Linear::forward(const at::Tensor& x) const {
  return kernels::linear(x, weight_.value(), bias_ ? bias_->value() : at::Tensor());
}

at::Tensor Linear::backward(const at::Tensor& dy, const at::Tensor& x, Saved& saved) const {
  saved.weight_gradients().add_gemm(weight_, dy, x);
  if (bias_) {
    saved.weight_gradients().add_finished(*bias_, kernels::bias_gradient(dy, bias_->gradient_type()));
  }
  return kernels::linear_input_gradient(dy, weight_.value());
}

ResidualLinear::ResidualLinear(parallel::FusedParameters weight, Dropout dropout)
    : weight_(std::move(weight)), dropout_(std::move(dropout)) {}

at::Tensor ResidualLinear::forward(const at::Tensor& x, const at::Tensor& residual, const Batch& batch) const {
  if (!dropout_.active(batch)) return kernels::linear(x, weight_.value(), {}, residual);
  return dropout_.forward(kernels::linear(x, weight_.value()), batch, residual);
}

at::Tensor ResidualLinear::backward(const at::Tensor& dy, const at::Tensor& x, const Batch& batch, Saved& saved) const {
  const at::Tensor dproduct = dropout_.active(batch) ? dropout_.backward(dy, batch) : dy;
  saved.weight_gradients().add_gemm(weight_, dproduct, x);
  return kernels::linear_input_gradient(dproduct, weight_.value());
}

}  // namespace baleen::models
