#include "models/norm.h"

#include "kernels/rms_norm.h"

namespace baleen::models {

Norm::Norm(const parallel::Parameter& weight, double eps) : weight_({&weight}), eps_(eps) {}

Norm::Result Norm::apply(const at::Tensor& x, const at::Tensor& abs_max) const {
  auto [y, rstd] = kernels::rms_norm(x, weight_.value(), eps_, abs_max);
  return {std::move(y), std::move(rstd)};
}

at::Tensor Norm::gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd,
                          const at::Tensor& add_to_dx, Saved& saved) const {
  auto [dx, dweight] = kernels::rms_norm_backward(dy, x, weight_.value(), rstd, add_to_dx);
  saved.weight_gradients().add_finished(weight_, std::move(dweight));
  return std::move(dx);
}

at::Tensor Norm::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Result normed = apply(x);
  if (batch.mode == Mode::train) {
    saved.push(x);
    saved.push(std::move(normed.rstd));
  }
  return std::move(normed.y);
}

at::Tensor Norm::backward(const at::Tensor& dy, const Batch&, Saved& saved) {
  const at::Tensor rstd = saved.pop();
  const at::Tensor x = saved.pop();
  return gradient(dy, x, rstd, {}, saved);
}

}  // namespace baleen::models
