#include "kernels/attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <limits>

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

std::int64_t longest(const std::vector<std::int32_t>& starts) {
  std::int64_t longest = 0;
  for (std::size_t s = 1; s < starts.size(); ++s) longest = std::max<std::int64_t>(longest, starts[s] - starts[s - 1]);
  return longest;
}

/// True above the diagonal that ends in the lower right corner: keys that a query must not see.
at::Tensor hidden_keys(std::int64_t queries, std::int64_t keys, const at::Device& device) {
  return at::ones({queries, keys}, at::TensorOptions(at::kBool).device(device)).triu_(keys - queries + 1);
}

/// Rows of one sequence as [heads, T, head_dim] in the compute type.
at::Tensor sequence(const at::Tensor& t, std::int64_t first, std::int64_t end) {
  return t.narrow(0, first, end - first).transpose(0, 1).to(compute_type(t.scalar_type()));
}

/// Each key head repeated for its group of query heads.
at::Tensor per_query_head(const at::Tensor& t, std::int64_t group) {
  return t.repeat_interleave(group, 0);
}

}  // namespace

SequenceBounds make_bounds(const std::vector<std::int32_t>& starts, at::Device device) {
  SequenceBounds bounds;
  bounds.query_starts = bounds.key_starts = starts;
  const auto count = static_cast<std::int64_t>(starts.size());
  bounds.query_starts_device =
      at::from_blob(const_cast<std::int32_t*>(starts.data()), {count}, at::TensorOptions(at::kInt)).clone().to(device);
  bounds.key_starts_device = bounds.query_starts_device;
  bounds.max_query = bounds.max_key = longest(starts);
  return bounds;
}

Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds) {
  core::require(q.dim() == 3 && k.dim() == 3 && q.size(1) % k.size(1) == 0, "attention: q [Tq, heads, head_dim]");
  const std::int64_t heads = q.size(1), group = heads / k.size(1);
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(2)));
  const at::ScalarType type = compute_type(q.scalar_type());
  Attention result{at::empty(q.sizes(), q.options()), at::empty({heads, q.size(0)}, q.options().dtype(type))};
  for (std::size_t s = 0; s + 1 < bounds.query_starts.size(); ++s) {
    const std::int64_t q0 = bounds.query_starts[s], q1 = bounds.query_starts[s + 1];
    const std::int64_t k0 = bounds.key_starts[s], k1 = bounds.key_starts[s + 1];
    const at::Tensor keys = per_query_head(sequence(k, k0, k1), group),
                     values = per_query_head(sequence(v, k0, k1), group);
    at::Tensor scores = at::matmul(sequence(q, q0, q1), keys.transpose(1, 2)).mul_(scale);
    scores.masked_fill_(hidden_keys(q1 - q0, k1 - k0, q.device()), -std::numeric_limits<double>::infinity());
    const at::Tensor lse = scores.logsumexp(2, true);
    result.lse.narrow(1, q0, q1 - q0).copy_(lse.squeeze(2));
    result.out.narrow(0, q0, q1 - q0).copy_(at::matmul(scores.sub_(lse).exp_(), values).transpose(0, 1));
  }
  return result;
}

void attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                        const at::Tensor& dk, const at::Tensor& dv, bool /*deterministic*/) {
  const std::int64_t kv_heads = k.size(1), group = q.size(1) / kv_heads;
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(2)));
  for (std::size_t s = 0; s + 1 < bounds.query_starts.size(); ++s) {
    const std::int64_t q0 = bounds.query_starts[s], q1 = bounds.query_starts[s + 1];
    const std::int64_t k0 = bounds.key_starts[s], k1 = bounds.key_starts[s + 1];
    const at::Tensor queries = sequence(q, q0, q1), gradient = sequence(dout, q0, q1);
    const at::Tensor keys = per_query_head(sequence(k, k0, k1), group),
                     values = per_query_head(sequence(v, k0, k1), group);
    at::Tensor p = at::matmul(queries, keys.transpose(1, 2)).mul_(scale);
    p.sub_(saved.lse.narrow(1, q0, q1 - q0).unsqueeze(2)).exp_();
    p.masked_fill_(hidden_keys(q1 - q0, k1 - k0, q.device()), 0);
    const at::Tensor delta = (gradient * sequence(saved.out, q0, q1)).sum(2, true);
    const at::Tensor ds = at::matmul(gradient, values.transpose(1, 2)).sub_(delta).mul_(p).mul_(scale);
    const auto sum_group = [&](const at::Tensor& t) {
      return t.unflatten(0, {kv_heads, group}).sum(1).transpose(0, 1);
    };
    dq.narrow(0, q0, q1 - q0).copy_(at::matmul(ds, keys).transpose(0, 1));
    dk.narrow(0, k0, k1 - k0).copy_(sum_group(at::matmul(ds.transpose(1, 2), queries)));
    dv.narrow(0, k0, k1 - k0).copy_(sum_group(at::matmul(p.transpose(1, 2), gradient)));
  }
}

}  // namespace baleen::kernels
