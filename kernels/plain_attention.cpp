#include "kernels/plain_attention.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

/// Neighbouring sequences of the same lengths, computed as one batch.
struct Run {
  std::int64_t sequences, queries, keys;
  std::int64_t first_query, first_key;  // rows
};

/// Cuts the sequences into runs whose scores stay below 256 MiB in FP32, or have one sequence.
std::vector<Run> equal_runs(const SequenceBounds& bounds, std::int64_t heads) {
  constexpr std::int64_t kMostScores = std::int64_t{1} << 26;
  std::vector<Run> runs;
  for (std::size_t s = 0; s + 1 < bounds.query_starts.size(); ++s) {
    const std::int64_t queries = bounds.query_starts[s + 1] - bounds.query_starts[s];
    const std::int64_t keys = bounds.key_starts[s + 1] - bounds.key_starts[s];
    core::require(queries <= keys, "attention: every query sees at least its own key");
    const bool joins = !runs.empty() && runs.back().queries == queries && runs.back().keys == keys &&
                       (runs.back().sequences + 1) * heads * queries * keys <= kMostScores;
    if (joins) {
      ++runs.back().sequences;
    } else if (queries > 0) {
      runs.push_back({1, queries, keys, bounds.query_starts[s], bounds.key_starts[s]});
    }
  }
  return runs;
}

/// One run's rows of a tensor like q, seen as [S, kv_heads, group, T, head_dim].
at::Tensor query_view(const at::Tensor& q, const Run& run, std::int64_t kv_heads) {
  return q.narrow(0, run.first_query, run.sequences * run.queries)
      .unflatten(1, {kv_heads, q.size(1) / kv_heads})
      .unflatten(0, {run.sequences, run.queries})
      .permute({0, 2, 3, 1, 4});
}

/// One run's rows of a tensor like k, seen as [S, kv_heads, T, head_dim].
at::Tensor key_view(const at::Tensor& k, const Run& run) {
  return k.narrow(0, run.first_key, run.sequences * run.keys).unflatten(0, {run.sequences, run.keys}).transpose(1, 2);
}

/// One run's part of lse, seen as [S, kv_heads, group, T].
at::Tensor lse_view(const at::Tensor& lse, const Run& run, std::int64_t kv_heads) {
  return lse.narrow(1, run.first_query, run.sequences * run.queries)
      .unflatten(0, {kv_heads, lse.size(0) / kv_heads})
      .unflatten(2, {run.sequences, run.queries})
      .permute({2, 0, 1, 3});
}

/// The operands of one run in the compute type. The query heads of a group lie one after another, so that a group is
/// one product with its key head and neither keys nor values are repeated.
struct Operands {
  at::Tensor q;  // [S kv_heads, group T, head_dim], already times `scale`
  at::Tensor k;  // [S kv_heads, T, head_dim]
  at::Tensor v;
  double scale;
};

Operands operands(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Run& run) {
  const at::ScalarType type = compute_type(q.scalar_type());
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(2)));
  const auto keys = [&](const at::Tensor& t) { return key_view(t, run).to(type).flatten(0, 1); };
  return {query_view(q, run, k.size(1)).to(type).mul(scale).flatten(2, 3).flatten(0, 1), keys(k), keys(v), scale};
}

/// Scaled scores [S kv_heads, group T, keys], minus infinity where a query must not look: above the diagonal that ends
/// in the lower right corner.
at::Tensor visible_scores(const Operands& o, const Run& run) {
  at::Tensor scores = at::bmm(o.q, o.k.transpose(1, 2));
  if (run.queries > 1) {
    const at::Tensor hidden =
        at::ones({run.queries, run.keys}, scores.options().dtype(at::kBool)).triu_(run.keys - run.queries + 1);
    scores.unflatten(1, {-1, run.queries}).masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  }
  return scores;
}

}  // namespace

Attention plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds) {
  const std::int64_t heads = q.size(1), kv_heads = k.size(1);
  Attention result{at::empty(q.sizes(), q.options()),
                   at::empty({heads, q.size(0)}, q.options().dtype(compute_type(q.scalar_type())))};
  for (const Run& run : equal_runs(bounds, heads)) {
    const Operands o = operands(q, k, v, run);
    at::Tensor scores = visible_scores(o, run);
    const at::Tensor lse = scores.logsumexp(2, true);
    const at::Tensor out = at::bmm(scores.sub_(lse).exp_(), o.v);
    at::Tensor out_rows = query_view(result.out, run, kv_heads), lse_rows = lse_view(result.lse, run, kv_heads);
    out_rows.copy_(out.view(out_rows.sizes()));
    lse_rows.copy_(lse.view(lse_rows.sizes()));
  }
  return result;
}

void plain_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                              const at::Tensor& dk, const at::Tensor& dv) {
  const std::int64_t kv_heads = k.size(1);
  const at::ScalarType type = compute_type(q.scalar_type());
  for (const Run& run : equal_runs(bounds, q.size(1))) {
    const Operands o = operands(q, k, v, run);
    const auto like_q = [&](const at::Tensor& t) {
      return query_view(t, run, kv_heads).to(type).flatten(2, 3).flatten(0, 1);
    };
    const at::Tensor gradient = like_q(dout);
    const at::Tensor lse = lse_view(saved.lse, run, kv_heads).flatten(2, 3).flatten(0, 1).unsqueeze(2);
    const at::Tensor p = visible_scores(o, run).sub_(lse).exp_();
    const at::Tensor delta = gradient.mul(like_q(saved.out)).sum(2, true);  // Dao 2023: rowsum(dO O) = rowsum(dP P)
    const at::Tensor ds = at::bmm(gradient, o.v.transpose(1, 2)).sub_(delta).mul_(p);
    at::Tensor dq_rows = query_view(dq, run, kv_heads), dk_rows = key_view(dk, run), dv_rows = key_view(dv, run);
    dq_rows.copy_(at::bmm(ds, o.k).mul_(o.scale).view(dq_rows.sizes()));
    dk_rows.copy_(at::bmm(ds.transpose(1, 2), o.q).view(dk_rows.sizes()));
    dv_rows.copy_(at::bmm(p.transpose(1, 2), gradient).view(dv_rows.sizes()));
  }
}

}  // namespace baleen::kernels
