#pragma once
// RMSNorm over each head of q and of k (Qwen3), before the rotary embedding.

#include "models/attention_shape.h"
#include "models/norm.h"

namespace baleen::models {

class QkNorm final : public Module {
 public:
  QkNorm(AttentionShape shape, const parallel::Parameter& q_weight, const parallel::Parameter& k_weight, double eps);

  /// qkv: [T, shape.packed()]. Returns a new one with q and k normed, v copied.
  at::Tensor forward(const at::Tensor& qkv, const Batch& batch, Saved& saved) override;
  /// dy becomes the gradient of qkv in place and is returned.
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  AttentionShape shape_;
  Norm q_, k_;
};

}  // namespace baleen::models
