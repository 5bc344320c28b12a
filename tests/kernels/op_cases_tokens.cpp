#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/device.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "tests/kernels/op_cases.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {
namespace {

constexpr double kAttentionFp32Roundings = 16;  // LibTorch's FP32 attention on the CPU takes exp to 20 bits

void add_embedding(std::vector<OpCase>& cases) {
  for (const auto& [tokens, rows, dim] :
       {std::array<std::int64_t, 3>{1, 1, 1}, {33, 7, 33}, {1000, 3, 64}, {513, 300, 128}, {70, 40, 2056}}) {
    const at::Tensor ids = random_integers(tokens, 0, rows + rows / 2 + 1);  // some rows are held elsewhere
    const at::Tensor table = random_tensor({rows, dim}), dy = random_tensor({tokens, dim}, at::kDouble, 2);
    cases.push_back({sized("embedding", {tokens, rows, dim}),
                     {ids, table, dy},
                     [](const Tensors& t) {
                       const at::Tensor written = poisoned_gradient(t[1].sizes(), t[1]);
                       embedding_backward(t[2], t[0], written, 1, 0);
                       const at::Tensor added = written.clone();
                       embedding_backward(t[2], t[0], added, 1, 1);
                       return Tensors{embedding(t[0], t[1], 1), written, added};
                     },
                     [](const Tensors& t) {
                       // Row 0 of the longer table stands for all rows that are held elsewhere.
                       const at::Tensor local = t[0].clone();
                       local.masked_fill_(local.gt(t[1].size(0)), 0);
                       const at::Tensor zero = at::zeros({1, t[1].size(1)}, t[1].options());
                       const at::Tensor longer = at::cat({zero, t[1]}), sum = at::zeros(longer.sizes(), t[1].options());
                       at::Tensor(sum).index_add_(0, local, t[2]);
                       const at::Tensor gradient = sum.narrow(0, 1, t[1].size(0));
                       return Tensors{longer.index_select(0, local), gradient, gradient + gradient};
                     },
                     kBackward});
  }
}

void add_cross_entropy(std::vector<OpCase>& cases) {
  for (const auto& [rows, columns, valid] :
       {std::array<std::int64_t, 3>{1, 1, 1}, {7, 257, 257}, {33, 384, 300}, {3, 32128, 32100}}) {
    const at::Tensor logits = random_tensor({rows, columns}).mul_(3), targets = random_integers(rows, 0, valid);
    if (rows > 2) targets[2] = -100;
    const VocabularyPart part{0, valid};
    cases.push_back({sized("cross_entropy", {rows, columns, valid}),
                     {logits, targets},
                     [part](const Tensors& t) {
                       const CrossEntropyParts parts = cross_entropy_parts(t[0], t[1], part);
                       const at::Tensor lse = parts.sum.log().add_(parts.max), gradient = t[0].clone();
                       const at::Tensor scale = at::empty({}, t[0].options().dtype(at::kDouble)).fill_(0.5);
                       cross_entropy_gradient_(gradient, t[1], part, lse, scale, 1e-3);
                       return Tensors{lse, parts.picked, gradient};
                     },
                     [part](const Tensors& t) {
                       const at::Tensor logits_valid = t[0].narrow(1, 0, part.valid),
                                        valid_rows = t[1].ge(0).unsqueeze(1);
                       const at::Tensor column = t[1].clamp_min(0).unsqueeze(1), lse = logits_valid.logsumexp(1);
                       const at::Tensor picked = logits_valid.gather(1, column) * valid_rows;
                       at::Tensor gradient = (logits_valid - lse.unsqueeze(1)).exp() * (lse * 2e-3 + 1).unsqueeze(1);
                       gradient.scatter_add_(1, column, at::zeros(column.sizes(), gradient.options()).sub_(1));
                       const at::Tensor padding = at::zeros({t[0].size(0), t[0].size(1) - part.valid}, t[0].options());
                       return Tensors{lse, picked.squeeze(1), at::cat({gradient * valid_rows * 0.5, padding}, 1)};
                     },
                     kBackward});
  }
}

/// Attention with every operation in the inputs' type.
Tensors attention_in_type(const Tensors& t, const std::vector<std::int32_t>& starts) {
  Tensors outs, dqs, dks, dvs;
  const std::int64_t group = t[0].size(1) / t[1].size(1);
  for (std::size_t s = 0; s + 1 < starts.size(); ++s) {
    const auto rows = [&](const at::Tensor& x) {
      return x.narrow(0, starts[s], starts[s + 1] - starts[s]).transpose(0, 1);
    };
    const auto sum_group = [&](const at::Tensor& x) { return x.unflatten(0, {-1, group}).sum(1).transpose(0, 1); };
    const at::Tensor q = rows(t[0]), k = rows(t[1]).repeat_interleave(group, 0),
                     v = rows(t[2]).repeat_interleave(group, 0);
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(2)));
    const at::Tensor hidden = at::zeros({q.size(1), q.size(1)}, q.options().dtype(at::kBool)).fill_(true).triu_(1);
    const at::Tensor scores = at::matmul(q, k.transpose(1, 2)).mul(scale).masked_fill(hidden, -INFINITY);
    const at::Tensor p = scores.softmax(2), out = at::matmul(p, v), dout = rows(t[3]);
    const at::Tensor dp = at::matmul(dout, v.transpose(1, 2));
    const at::Tensor ds = p * (dp - (dp * p).sum(2, true)) * scale;
    outs.push_back(out.transpose(0, 1));
    dqs.push_back(at::matmul(ds, k).transpose(0, 1));
    dks.push_back(sum_group(at::matmul(ds.transpose(1, 2), q)));
    dvs.push_back(sum_group(at::matmul(p.transpose(1, 2), dout)));
  }
  return {at::cat(outs), at::cat(dqs), at::cat(dks), at::cat(dvs)};
}

void add_attention(std::vector<OpCase>& cases) {
  struct Shape {
    std::vector<std::int32_t> starts;
    std::int64_t heads, kv_heads, head_dim;
  };
  for (const Shape& shape : {Shape{{0, 1}, 1, 1, 8},
                             {{0, 7, 40}, 4, 2, 16},
                             {{0, 128, 256}, 6, 6, 32},
                             {{0, 129}, 4, 1, 64},
                             {{0, 33, 66}, 2, 2, 12},
                             {{0, 192, 384}, 8, 2, 64},
                             {{0, 100, 101, 101, 300}, 4, 1, 64},
                             {{0, 160, 320}, 4, 4, 128},
                             {{0, 5, 133, 389}, 4, 2, 128}}) {
    const std::int64_t tokens = shape.starts.back();
    const auto random = [&](std::int64_t heads, unsigned int seed) {
      return random_tensor({tokens, heads, shape.head_dim}, at::kDouble, seed);
    };
    const auto starts = shape.starts;
    cases.push_back(
        {sized("attention", {tokens, shape.heads, shape.kv_heads, shape.head_dim}),
         {random(shape.heads, 1), random(shape.kv_heads, 2), random(shape.kv_heads, 3), random(shape.heads, 4)},
         [starts](const Tensors& t) {
           const SequenceBounds bounds = make_bounds(starts, t[0].device());
           const Attention saved = attention(t[0], t[1], t[2], bounds);
           const Tensors d{at::empty_like(t[0]), at::empty_like(t[1]), at::empty_like(t[2])};
           attention_backward(t[3], t[0], t[1], t[2], saved, bounds, d[0], d[1], d[2], true);
           return Tensors{saved.out, d[0], d[1], d[2]};
         },
         [starts](const Tensors& t) { return attention_in_type(t, starts); },
         kBackward,
         kAttentionFp32Roundings});
  }
}

void add_dropout(std::vector<OpCase>& cases) {
  for (const std::int64_t count : {1, 7, 33, 4097, 20000}) {
    const core::RandomStream stream = core::random_stream(1, core::RandomPurpose::dropout, 2, "test");
    cases.push_back({sized("dropout", {count}),
                     {random_tensor({count}), random_tensor({count}, at::kDouble, 2)},
                     [stream](const Tensors& t) {
                       return Tensors{dropout(t[0], 0.3, stream, 3), dropout(t[0], 0.3, stream, 8, t[1])};
                     },
                     [stream, count](const Tensors& t) {
                       const auto keep = [&](std::int64_t first) {
                         const at::Tensor mask = at::empty({count}, at::kDouble);
                         for (std::int64_t i = 0; i < count; ++i) {
                           const auto element = static_cast<std::uint64_t>(first + i);
                           mask[i] = core::random_uniform(stream, element) < 0.3f ? 0.0 : 1.0;
                         }
                         return mask.to(t[0].scalar_type());
                       };
                       return Tensors{t[0] * keep(3) / 0.7, t[0] * keep(8) / 0.7 + t[1]};
                     },
                     kForward});
  }
}

}  // namespace

std::vector<OpCase> token_op_cases() {
  std::vector<OpCase> cases;
  add_embedding(cases);
  add_cross_entropy(cases);
  add_attention(cases);
  add_dropout(cases);
  return cases;
}

}  // namespace baleen::kernels::testing
