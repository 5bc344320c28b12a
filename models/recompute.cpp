#include "models/recompute.h"

namespace baleen::models {

at::Tensor Recomputed::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  Saved dropped;
  at::Tensor y = inner_->forward(x, batch, dropped);
  if (batch.mode == Mode::train) saved.push(x);
  return y;
}

Gradient Recomputed::backward(const Gradient& dy, const Batch& batch, Saved& saved) {
  const at::Tensor x = saved.pop();
  inner_->forward(x, batch, saved);
  return inner_->backward(dy, batch, saved);
}

at::Tensor Sequence::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  at::Tensor y = x;
  for (const auto& part : parts_) y = part->forward(y, batch, saved);
  return y;
}

Gradient Sequence::backward(const Gradient& dy, const Batch& batch, Saved& saved) {
  Gradient dx = dy;
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) dx = (*part)->backward(dx, batch, saved);
  return dx;
}

}  // namespace baleen::models
