#include "models/qk_norm.h"

namespace baleen::models {

namespace {

/// The heads of a strided [T, heads, head_dim] as contiguous rows.
at::Tensor head_rows(const at::Tensor& heads) {
  return heads.reshape({-1, heads.size(2)});
}

}  // namespace

QkNorm::QkNorm(AttentionShape shape, const parallel::Parameter& q_weight, const parallel::Parameter& k_weight,
               double eps)
    : shape_(shape), q_(q_weight, eps), k_(k_weight, eps) {}

at::Tensor QkNorm::forward(const at::Tensor& qkv, const Batch& batch, Saved& saved) {
  const at::Tensor q = shape_.q(qkv), k = shape_.k(qkv);
  const Norm::Result q_normed = q_.apply(head_rows(q)), k_normed = k_.apply(head_rows(k));
  at::Tensor normed = qkv.clone();
  shape_.q(normed).copy_(q_normed.y.plain.view(q.sizes()));
  shape_.k(normed).copy_(k_normed.y.plain.view(k.sizes()));
  if (batch.mode == Mode::train) {
    saved.push(qkv);
    saved.push(q_normed.rstd);
    saved.push(k_normed.rstd);
  }
  return normed;
}

Gradient QkNorm::backward(const Gradient& dy, const Batch&, Saved& saved) {
  const at::Tensor k_rstd = saved.pop();
  const at::Tensor q_rstd = saved.pop();
  const at::Tensor qkv = saved.pop();
  const at::Tensor dq = shape_.q(dy.value), dk = shape_.k(dy.value);
  dq.copy_(q_.gradient(head_rows(dq), head_rows(shape_.q(qkv)), q_rstd, {}, saved).value.view(dq.sizes()));
  dk.copy_(k_.gradient(head_rows(dk), head_rows(shape_.k(qkv)), k_rstd, {}, saved).value.view(dk.sizes()));
  return dy.value;
}

}  // namespace baleen::models
