#include "models/attention.h"

#include <ATen/ops/empty_like.h>

#include "kernels/attention.h"
#include "kernels/rope.h"
#include "models/kv_cache.h"

namespace baleen::models {

AttentionBlock::AttentionBlock(Options options, Norm norm, Linear qkv, std::optional<QkNorm> qk_norm,
                               ResidualLinear output)
    : options_(std::move(options)),
      norm_(std::move(norm)),
      qkv_(std::move(qkv)),
      qk_norm_(std::move(qk_norm)),
      output_(std::move(output)) {}

void AttentionBlock::rotate(const at::Tensor& qkv, const Batch& batch, bool inverse, const at::Tensor& abs_max) const {
  const AttentionShape& shape = options_.shape;
  kernels::rope_(qkv, static_cast<int>(shape.heads + shape.kv_heads), static_cast<int>(shape.head_dim), batch.positions,
                 options_.rope.cos, options_.rope.sin, inverse, abs_max);
}

at::Tensor AttentionBlock::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  const AttentionShape& shape = options_.shape;
  Norm::Result normed = qkv_.normed(norm_, x, batch, saved);
  at::Tensor qkv = qkv_.forward(normed.y);
  if (qk_norm_) qkv = qk_norm_->forward(qkv, batch, saved);
  rotate(qkv, batch, false);

  at::Tensor k = shape.k(qkv), v = shape.v(qkv);
  if (batch.cache != nullptr) {
    KvCache::View all = batch.cache->append(options_.layer, k, v);
    k = std::move(all.keys);
    v = std::move(all.values);
  }
  const kernels::Attention attended = kernels::attention(shape.q(qkv), k, v, batch.bounds);
  Operand heads = output_.operand(attended.out.flatten(1), batch);
  at::Tensor y = output_.forward(heads, x, batch);

  if (batch.mode == Mode::train) {
    saved.push(x);
    saved.push(std::move(normed.rstd));
    saved.push(qkv);
    saved.push(attended.out);
    saved.push(attended.lse);
    if (options_.recompute == Recompute::none) {
      saved.push(std::move(normed.y));
      if (heads.in_fp8()) saved.push(std::move(heads));  // else it is attended.out
    }
  }
  return y;
}

Gradient AttentionBlock::backward(const Gradient& dy, const Batch& batch, Saved& saved) {
  const AttentionShape& shape = options_.shape;
  const bool kept = options_.recompute == Recompute::none;
  Operand heads, normed;
  if (kept && output_.in_fp8(batch)) heads = saved.pop_operand();
  if (kept) normed = saved.pop_operand();
  kernels::Attention attended;
  attended.lse = saved.pop();
  attended.out = saved.pop();
  const at::Tensor qkv = saved.pop();
  const at::Tensor rstd = saved.pop();
  const at::Tensor x = saved.pop();
  if (!kept) normed = qkv_.normed(norm_, x, batch, saved).y;
  if (!kept || !output_.in_fp8(batch)) heads = output_.operand(attended.out.flatten(1), batch);

  const at::Tensor dout = output_.backward(dy, std::move(heads), batch, saved).view(attended.out.sizes());
  const at::Tensor dqkv = at::empty_like(qkv);
  kernels::attention_backward(dout, shape.q(qkv), shape.k(qkv), shape.v(qkv), attended, batch.bounds, shape.q(dqkv),
                              shape.k(dqkv), shape.v(dqkv), options_.deterministic);
  Gradient of_packed(dqkv, qk_norm_ ? at::Tensor() : qkv_.abs_max(batch, saved));
  rotate(of_packed.value, batch, true, of_packed.abs_max);
  if (qk_norm_) of_packed = qk_norm_->backward(of_packed, batch, saved);
  const at::Tensor dnormed = qkv_.backward(of_packed, std::move(normed), saved);
  return norm_.gradient(dnormed, x, rstd, dy.value, saved, qkv_.abs_max(batch, saved));
}

}  // namespace baleen::models
