#include "kernels/attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>

#include <cmath>

#include "core/error.h"
#include "kernels/plain_attention.h"
#include "tests/kernels/gradient_check.h"

namespace baleen::kernels::testing {
namespace {

struct Problem {
  std::int64_t heads, kv_heads, head_dim;
  SequenceBounds bounds;
  at::Tensor packed;  // q, k and v in one row where there are as many queries as keys
  at::Tensor q, k, v, dout;
};

SequenceBounds bounds_of(const std::vector<std::int32_t>& queries, const std::vector<std::int32_t>& keys) {
  SequenceBounds bounds = make_bounds(queries, at::kCPU);
  const SequenceBounds other = make_bounds(keys, at::kCPU);
  bounds.key_starts = other.key_starts;
  bounds.key_starts_device = other.key_starts_device;
  bounds.max_key = other.max_key;
  return bounds;
}

/// q, k and v as views into one packed tensor.
Problem self_attention(const std::vector<std::int32_t>& starts, std::int64_t heads, std::int64_t kv_heads,
                       std::int64_t head_dim, at::ScalarType type = at::kDouble) {
  const std::int64_t tokens = starts.back();
  Problem p{heads,
            kv_heads,
            head_dim,
            make_bounds(starts, at::kCPU),
            random_tensor({tokens, (heads + 2 * kv_heads) * head_dim}, type),
            {},
            {},
            {},
            {}};
  const auto part = [&](std::int64_t first, std::int64_t count) {
    return p.packed.narrow(1, first * head_dim, count * head_dim).unflatten(1, {count, head_dim});
  };
  p.q = part(0, heads);
  p.k = part(heads, kv_heads);
  p.v = part(heads + kv_heads, kv_heads);
  p.dout = random_tensor({tokens, heads, head_dim}, type, 2);
  return p;
}

/// softmax(q kᵀ / sqrt(head_dim)) v, element by element; the last query sees the last key.
at::Tensor formula(const Problem& p) {
  const at::Tensor q = p.q.to(at::kDouble), k = p.k.to(at::kDouble), v = p.v.to(at::kDouble);
  const at::Tensor out = at::empty(q.sizes(), at::kDouble);
  for (std::size_t s = 0; s + 1 < p.bounds.query_starts.size(); ++s) {
    const std::int64_t q0 = p.bounds.query_starts[s], q1 = p.bounds.query_starts[s + 1];
    const std::int64_t k0 = p.bounds.key_starts[s], k1 = p.bounds.key_starts[s + 1];
    for (std::int64_t i = q0; i < q1; ++i) {
      const std::int64_t visible = k1 - (q1 - 1 - i);  // one past the last key that query i sees
      for (std::int64_t h = 0; h < p.heads; ++h) {
        const std::int64_t g = h / (p.heads / p.kv_heads);
        const at::Tensor keys = k.narrow(0, k0, visible - k0).select(1, g),
                         values = v.narrow(0, k0, visible - k0).select(1, g);
        const at::Tensor weights = keys.mul(q[i][h]).sum(1).div(std::sqrt(static_cast<double>(p.head_dim))).exp();
        out[i][h] = values.mul(weights.unsqueeze(1)).sum(0) / weights.sum();
      }
    }
  }
  return out;
}

struct Gradients {
  at::Tensor packed, q, k, v;
};

Gradients backward(const Problem& p) {
  const Attention saved = attention(p.q, p.k, p.v, p.bounds);
  const at::Tensor packed = at::empty_like(p.packed).fill_(NAN);
  const auto like = [&](const at::Tensor& t) { return packed.as_strided(t.sizes(), t.strides(), t.storage_offset()); };
  const Gradients g{packed, like(p.q), like(p.k), like(p.v)};
  attention_backward(p.dout, p.q, p.k, p.v, saved, p.bounds, g.q, g.k, g.v, true);
  return g;
}

TEST(Attention, FollowsTheFormula) {
  const std::vector<Problem> problems{self_attention({0, 1}, 1, 1, 4),    self_attention({0, 7, 14}, 2, 2, 3),
                                      self_attention({0, 33}, 4, 2, 8),   self_attention({0, 5, 6, 13, 20}, 6, 3, 4),
                                      self_attention({0, 0, 5}, 2, 1, 4), self_attention({0, 129}, 2, 2, 8)};
  for (const Problem& p : problems) {
    expect_close(attention(p.q, p.k, p.v, p.bounds).out, formula(p), 1e-13);
  }
}

TEST(Attention, GradientsAreThoseOfTheForward) {
  for (const Problem& p : {self_attention({0, 5, 10}, 4, 2, 3), self_attention({0, 2, 9, 10}, 2, 2, 4)}) {
    const Gradients g = backward(p);
    expect_gradient(p.packed, g.packed, [&] { return weighted_sum(attention(p.q, p.k, p.v, p.bounds).out, p.dout); });
  }
}

TEST(Attention, Fp32TrainingPathAgreesWithTheDefinition) {
  for (const std::int64_t kv_heads : {6, 2}) {
    SCOPED_TRACE(kv_heads);
    const Problem p = self_attention({0, 65, 130, 195}, 6, kv_heads, 32, at::kFloat);
    const Attention saved = plain_attention(p.q, p.k, p.v, p.bounds);
    expect_close(attention(p.q, p.k, p.v, p.bounds).out, saved.out, 2e-6);
    const Gradients g = backward(p);
    const at::Tensor dq = at::empty_like(p.q), dk = at::empty_like(p.k), dv = at::empty_like(p.v);
    plain_attention_backward(p.dout, p.q, p.k, p.v, saved, p.bounds, dq, dk, dv);
    expect_close(g.q, dq, 5e-6);
    expect_close(g.k, dk, 5e-6);
    expect_close(g.v, dv, 5e-6);
  }
}

TEST(Attention, NewQueriesSeeAllKeysSoFar) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    Problem p = self_attention({0, 9, 16}, 4, 2, 8, type);
    const at::Tensor whole = attention(p.q, p.k, p.v, p.bounds).out;
    p.bounds = bounds_of({0, 1, 4}, {0, 9, 16});  // one new token of the first sequence, three of the second
    p.q = at::cat({p.q.narrow(0, 8, 1), p.q.narrow(0, 13, 3)});
    const at::Tensor out = attention(p.q, p.k, p.v, p.bounds).out;
    expect_close(out, formula(p), type == at::kBFloat16 ? 0x1p-8 : type == at::kFloat ? 1e-6 : 1e-13);
    expect_close(out, at::cat({whole.narrow(0, 8, 1), whole.narrow(0, 13, 3)}),
                 type == at::kBFloat16 ? 0x1p-8
                 : type == at::kFloat  ? 1e-6
                                       : 1e-13);
  }
}

TEST(Attention, SequencesDoNotSeeEachOther) {
  const Problem p = self_attention({0, 6, 13}, 2, 2, 4, at::kFloat);
  const at::Tensor before = attention(p.q, p.k, p.v, p.bounds).out;
  p.packed.narrow(0, 0, 6).fill_(3);
  EXPECT_TRUE(attention(p.q, p.k, p.v, p.bounds).out.narrow(0, 6, 7).equal(before.narrow(0, 6, 7)));
}

TEST(SequenceBounds, ArePaddedToAPowerOfTwo) {
  const auto values = [](const at::Tensor& t) {
    const auto* first = t.const_data_ptr<std::int32_t>();
    return std::vector<std::int32_t>(first, first + t.numel());
  };
  const SequenceBounds five = make_bounds({0, 3, 3, 10, 12, 20}, at::kCPU);
  EXPECT_EQ(values(five.query_starts_device), five.query_starts);
  EXPECT_EQ(values(five.padded_lengths_device), (std::vector<std::int32_t>{3, 0, 7, 2, 8, 0, 0, 0}));
  EXPECT_EQ(values(five.padded_starts_device), (std::vector<std::int32_t>{0, 3, 3, 10, 12, 20, 20, 20, 20, 20}));
  EXPECT_EQ(five.max_query, 8);
  const SequenceBounds one = make_bounds({0, 6}, at::kCPU);
  EXPECT_EQ(values(one.padded_lengths_device), (std::vector<std::int32_t>{6, 0, 0, 0}));
  EXPECT_EQ(values(one.padded_starts_device), (std::vector<std::int32_t>{0, 6, 6, 6, 6, 6}));
}

TEST(Attention, RefusesBoundsThatDoNotFit) {
  Problem p = self_attention({0, 8}, 2, 2, 4);
  EXPECT_THROW(attention(p.q, p.k, p.v, make_bounds({0, 7}, at::kCPU)), core::Error);
  EXPECT_THROW(attention(p.q, p.k.narrow(0, 0, 4), p.v.narrow(0, 0, 4), bounds_of({0, 8}, {0, 4})), core::Error);
}

}  // namespace
}  // namespace baleen::kernels::testing
