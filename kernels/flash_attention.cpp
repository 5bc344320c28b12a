#include "kernels/flash_attention.h"

#include <ATen/Context.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu_backward.h>
#include <ATen/ops/empty.h>

#include "kernels/device.h"

namespace baleen::kernels {
namespace {

constexpr double kNoDropout = 0;
constexpr bool kCausal = true;

/// [T, heads, head_dim] of sequences of one length as [S, heads, T, head_dim].
at::Tensor heads_first(const at::Tensor& t, const SequenceBounds& bounds) {
  return t.unflatten(0, {-1, bounds.max_query}).transpose(1, 2);
}

/// The same for k and v, each key head repeated for its group of query heads: a view where groups have one head.
at::Tensor heads_first(const at::Tensor& t, const SequenceBounds& bounds, std::int64_t heads) {
  const std::int64_t group = heads / t.size(1);
  return heads_first(t.unsqueeze(2).expand({-1, -1, group, -1}).flatten(1, 2), bounds);
}

/// The lse of either implementation on a GPU as this one has it: [heads, Tq].
at::Tensor by_heads(const at::Tensor& lse) {
  return lse.dim() == 3 ? lse.transpose(0, 1).flatten(1) : lse.contiguous();
}

/// Whether LibTorch's backward may pick an order of additions that changes from run to run, for the life of this
/// object.
class DeterminismScope {
 public:
  explicit DeterminismScope(bool deterministic)
      : algorithms_(at::globalContext().deterministicAlgorithms()),
        warn_only_(at::globalContext().deterministicAlgorithmsWarnOnly()),
        fill_(at::globalContext().deterministicFillUninitializedMemory()) {
    at::globalContext().setDeterministicAlgorithms(deterministic, false);
    at::globalContext().setDeterministicFillUninitializedMemory(false);  // else each at::empty is filled with NaN
  }
  ~DeterminismScope() {
    at::globalContext().setDeterministicAlgorithms(algorithms_, warn_only_);
    at::globalContext().setDeterministicFillUninitializedMemory(fill_);
  }
  DeterminismScope(const DeterminismScope&) = delete;
  DeterminismScope& operator=(const DeterminismScope&) = delete;

 private:
  bool algorithms_, warn_only_, fill_;
};

}  // namespace

bool has_cpu_flash_attention(const at::Tensor& q, const SequenceBounds& bounds) {
  if (on_cuda(q) || q.scalar_type() != at::kFloat || q.size(0) == 0) return false;
  if (bounds.query_starts != bounds.key_starts) return false;
  for (std::size_t s = 1; s < bounds.query_starts.size(); ++s) {
    if (bounds.query_starts[s] - bounds.query_starts[s - 1] != bounds.max_query) return false;
  }
  return true;
}

Attention cpu_flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const SequenceBounds& bounds) {
  const std::int64_t heads = q.size(1);
  const auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(
      heads_first(q, bounds), heads_first(k, bounds, heads), heads_first(v, bounds, heads), kNoDropout, kCausal);
  return {out.transpose(1, 2).reshape(q.sizes()), lse};
}

void cpu_flash_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                                  const at::Tensor& dk, const at::Tensor& dv) {
  const std::int64_t heads = q.size(1), kv_heads = k.size(1);
  const auto [q_gradient, k_gradient, v_gradient] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
      heads_first(dout, bounds), heads_first(q, bounds), heads_first(k, bounds, heads), heads_first(v, bounds, heads),
      heads_first(saved.out, bounds), saved.lse, kNoDropout, kCausal);
  heads_first(dq, bounds).copy_(q_gradient);
  const auto sum_of_group = [&](const at::Tensor& t) {
    return heads == kv_heads ? t : t.unflatten(1, {kv_heads, heads / kv_heads}).sum(2);
  };
  heads_first(dk, bounds).copy_(sum_of_group(k_gradient));
  heads_first(dv, bounds).copy_(sum_of_group(v_gradient));
}

bool has_cuda_flash_attention(const at::Tensor& q) {
  const bool half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  return on_cuda(q) && half && q.size(0) > 0 && q.size(2) % 8 == 0 && q.size(2) <= 256;
}

Attention cuda_flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const SequenceBounds& bounds) {
  auto result = at::_flash_attention_forward(q, k, v, bounds.query_starts_device, bounds.key_starts_device,
                                             bounds.max_query, bounds.max_key, kNoDropout, kCausal,
                                             /*return_debug_mask=*/false);
  return {std::get<0>(result), std::get<1>(result)};
}

void cuda_flash_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                   const at::Tensor& v, const Attention& saved, const SequenceBounds& bounds,
                                   const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                                   bool deterministic) {
  const DeterminismScope scope(deterministic);
  const at::Tensor no_random_state =
      at::empty({2}, q.options().dtype(at::kUInt64));  // read only where there is dropout
  const auto [q_gradient, k_gradient, v_gradient] = at::_flash_attention_backward(
      dout, q, k, v, saved.out, by_heads(saved.lse), bounds.query_starts_device, bounds.key_starts_device,
      bounds.max_query, bounds.max_key, kNoDropout, kCausal, no_random_state, no_random_state);
  at::Tensor(dq).copy_(q_gradient);
  at::Tensor(dk).copy_(k_gradient);
  at::Tensor(dv).copy_(v_gradient);
}

}  // namespace baleen::kernels
