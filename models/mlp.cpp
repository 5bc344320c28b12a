#include "models/mlp.h"

#include "kernels/swiglu.h"

namespace baleen::models {

MlpBlock::MlpBlock(Norm norm, Linear gate_up, ResidualLinear down, Recompute recompute)
    : norm_(std::move(norm)), gate_up_(std::move(gate_up)), down_(std::move(down)), recompute_(recompute) {}

MlpBlock::Inner MlpBlock::inner(const at::Tensor& x, at::Tensor gate_up, const Batch& batch, Saved& saved) const {
  Norm::Result normed = gate_up_.normed(norm_, x, batch, saved);
  Inner inner;
  inner.rstd = std::move(normed.rstd);
  inner.normed = std::move(normed.y);
  inner.gate_up = gate_up.defined() ? std::move(gate_up) : gate_up_.forward(inner.normed);
  if (const auto form = down_.form(batch, saved)) {
    inner.activation.fp8 = kernels::swiglu_fp8(inner.gate_up, *form);
  } else {
    inner.activation.plain = kernels::swiglu(inner.gate_up);
  }
  return inner;
}

Operand MlpBlock::gate_up_gradient(const Gradient& dy, Inner& made, const Batch& batch, Saved& saved) const {
  at::Tensor dactivation = down_.backward(dy, std::move(made.activation), batch, saved);
  at::Tensor gate_up = std::move(made.gate_up);  // not needed any more
  if (const auto form = gate_up_.form(batch, saved))
    return {{}, kernels::swiglu_backward_fp8(std::move(dactivation), std::move(gate_up), *form)};
  return {kernels::swiglu_backward(dactivation, gate_up), {}};
}

// [walkthrough: mlp-forward]
at::Tensor MlpBlock::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Inner made = inner(x, {}, batch, saved);
  at::Tensor y = down_.forward(made.activation, x, batch);
  if (batch.mode == Mode::train) {
    saved.push(x);
    if (recompute_ != Recompute::mlp) saved.push(std::move(made.gate_up));
    if (recompute_ == Recompute::none) {
      saved.push(std::move(made.rstd));
      saved.push(std::move(made.normed));
      saved.push(std::move(made.activation));
    }
  }
  return y;
}
// [end]

// [walkthrough: mlp-backward]
Gradient MlpBlock::backward(const Gradient& dy, const Batch& batch, Saved& saved) {
  Inner made;
  if (recompute_ == Recompute::none) {
    made.activation = saved.pop_operand();
    made.normed = saved.pop_operand();
    made.rstd = saved.pop();
  }
  if (recompute_ != Recompute::mlp) made.gate_up = saved.pop();
  const at::Tensor x = saved.pop();
  if (recompute_ != Recompute::none) made = inner(x, std::move(made.gate_up), batch, saved);

  Operand dgate_up = gate_up_gradient(dy, made, batch, saved);
  const at::Tensor dnormed = gate_up_.backward(std::move(dgate_up), std::move(made.normed), saved);
  return norm_.gradient(dnormed, x, made.rstd, dy.value, saved, gate_up_.abs_max(batch, saved));
}
// [end]

}  // namespace baleen::models
