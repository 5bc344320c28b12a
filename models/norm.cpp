#include "models/norm.h"

#include "kernels/fp8_producers.h"

namespace baleen::models {

Norm::Norm(const parallel::Parameter& weight, double eps) : weight_({&weight}), eps_(eps) {}

Norm::Result Norm::apply(const at::Tensor& x) const {
  auto [y, rstd] = kernels::rms_norm(x, weight_.value(), eps_);
  return {{std::move(y), {}}, std::move(rstd)};
}

Norm::Result Norm::apply(const at::Tensor& x, const kernels::Fp8Form& form) const {
  auto [y, rstd] = kernels::rms_norm_fp8(x, weight_.value(), eps_, form);
  return {{{}, std::move(y)}, std::move(rstd)};
}

Gradient Norm::gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& add_to_dx,
                        Saved& saved, const at::Tensor& abs_max) const {
  auto [dx, dweight] = kernels::rms_norm_backward(dy, x, weight_.value(), rstd, add_to_dx, abs_max);
  saved.weight_gradients().add_finished(weight_, std::move(dweight));
  return {std::move(dx), abs_max};
}

at::Tensor Norm::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Result normed = apply(x);
  if (batch.mode == Mode::train) {
    saved.push(x);
    saved.push(std::move(normed.rstd));
  }
  return std::move(normed.y.plain);
}

Gradient Norm::backward(const Gradient& dy, const Batch&, Saved& saved) {
  const at::Tensor rstd = saved.pop();
  const at::Tensor x = saved.pop();
  return gradient(dy.value, x, rstd, {}, saved);
}

}  // namespace baleen::models
