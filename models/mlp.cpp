#include "models/mlp.h"

#include "kernels/swiglu.h"

namespace baleen::models {

MlpBlock::MlpBlock(Norm norm, Linear gate_up, ResidualLinear down, bool recompute)
    : norm_(std::move(norm)), gate_up_(std::move(gate_up)), down_(std::move(down)), recompute_(recompute) {}

MlpBlock::Inner MlpBlock::inner(const at::Tensor& x) const {
  Inner inner;
  inner.norm = norm_.apply(x);
  inner.gate_up = gate_up_.forward(inner.norm.y);
  inner.activation = kernels::swiglu(inner.gate_up);
  return inner;
}

// [walkthrough: mlp-forward]
at::Tensor MlpBlock::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Inner made = inner(x);
  at::Tensor y = down_.forward(made.activation, x, batch);
  if (batch.mode == Mode::train) {
    saved.push(x);
    if (!recompute_) {
      saved.push(std::move(made.norm.rstd));
      saved.push(std::move(made.norm.y));
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
    made.activation = saved.pop();
    made.gate_up = saved.pop();
    made.norm.y = saved.pop();
    made.norm.rstd = saved.pop();
  }
  const at::Tensor x = saved.pop();
  if (recompute_) made = inner(x);

  const at::Tensor dactivation = down_.backward(dy, made.activation, batch, saved);
  const at::Tensor dgate_up = kernels::swiglu_backward(dactivation, made.gate_up);
  return norm_.gradient(gate_up_.backward(dgate_up, made.norm.y, saved), x, made.norm.rstd, dy, saved);
}
// [end]

}  // namespace baleen::models
