#include "models/mlp.h"

#include "kernels/swiglu.h"

namespace baleen::models {

MlpBlock::MlpBlock(Norm norm, Linear gate_up, ResidualLinear down, bool recompute)
    : norm_(std::move(norm)), gate_up_(std::move(gate_up)), down_(std::move(down)), recompute_(recompute) {}

MlpBlock::Inner MlpBlock::inner(const at::Tensor& x, const Batch& batch) const {
  const at::Tensor normed_max = gate_up_.input_abs_max(batch), activation_max = down_.input_abs_max(batch);
  Norm::Result normed = norm_.apply(x, normed_max);
  Inner inner;
  inner.rstd = std::move(normed.rstd);
  inner.normed = gate_up_.operand(std::move(normed.y), batch, normed_max);
  inner.gate_up = gate_up_.forward(inner.normed);
  inner.activation = down_.operand(kernels::swiglu(inner.gate_up, activation_max), batch, activation_max);
  return inner;
}

// [walkthrough: mlp-forward]
at::Tensor MlpBlock::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Inner made = inner(x, batch);
  at::Tensor y = down_.forward(made.activation, x, batch);
  if (batch.mode == Mode::train) {
    saved.push(x);
    if (!recompute_) {
      saved.push(std::move(made.rstd));
      saved.push(std::move(made.normed));
      saved.push(std::move(made.gate_up));
      saved.push(std::move(made.activation));
    }
  }
  return y;
}
// [end]

// [walkthrough: mlp-backward]
at::Tensor MlpBlock::backward(const at::Tensor& dy, const Batch& batch, Saved& saved) {
  Inner made;
  if (!recompute_) {
    made.activation = saved.pop_operand();
    made.gate_up = saved.pop();
    made.normed = saved.pop_operand();
    made.rstd = saved.pop();
  }
  const at::Tensor x = saved.pop();
  if (recompute_) made = inner(x, batch);

  const at::Tensor dactivation = down_.backward(dy, std::move(made.activation), batch, saved);
  const at::Tensor gradient_max = gate_up_.gradient_abs_max(batch);
  const at::Tensor dgate_up = kernels::swiglu_backward(dactivation, made.gate_up, gradient_max);
  const at::Tensor dnormed = gate_up_.backward(dgate_up, std::move(made.normed), saved, gradient_max);
  return norm_.gradient(dnormed, x, made.rstd, dy, saved);
}
// [end]

}  // namespace baleen::models
