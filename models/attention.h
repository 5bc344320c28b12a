#pragma once
// y = x + dropout(attention(norm(x))): causal grouped-query attention with rotary embedding over packed sequences.

#include <optional>

#include "models/linear.h"
#include "models/qk_norm.h"
#include "models/recompute_level.h"
#include "models/rope_table.h"

namespace baleen::models {

class AttentionBlock final : public Module {
 public:
  struct Options {
    int layer = 0;  // names the KV cache's layer
    AttentionShape shape;
    RopeTable rope;
    Recompute recompute = Recompute::none;
    bool deterministic = true;
  };
  AttentionBlock(Options options, Norm norm, Linear qkv, std::optional<QkNorm> qk_norm, ResidualLinear output);

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  void rotate(const at::Tensor& qkv, const Batch& batch, bool inverse, const at::Tensor& abs_max = {}) const;

  Options options_;
  Norm norm_;
  Linear qkv_;
  std::optional<QkNorm> qk_norm_;
  ResidualLinear output_;
};

}  // namespace baleen::models
