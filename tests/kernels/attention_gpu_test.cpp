// Attention on the GPU: which calls cuDNN takes, that it is right, and that what it leaves to others still works.

#include <ATen/ops/empty_like.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/attention.h"
#include "kernels/cudnn_attention.h"
#include "kernels/flash_attention.h"
#include "kernels/plain_attention.h"
#include "tests/kernels/precision.h"

namespace baleen::kernels::testing {
namespace {

struct Shape {
  const char* name;
  std::vector<std::int32_t> starts;
  std::int64_t heads, kv_heads, head_dim;
};

/// q, k and v as views into one packed tensor, and a place for their gradients like it.
struct Problem {
  Shape shape;
  SequenceBounds bounds;
  at::Tensor qkv, dout, dqkv;

  Problem(const Shape& s, at::ScalarType type, at::Device device)
      : shape(s),
        bounds(make_bounds(s.starts, device)),
        qkv(random_tensor({s.starts.back(), (s.heads + 2 * s.kv_heads) * s.head_dim}, type).to(device)),
        dout(random_tensor({s.starts.back(), s.heads, s.head_dim}, type, 2).to(device)),
        dqkv(at::empty_like(qkv).fill_(NAN)) {}

  at::Tensor part(const at::Tensor& packed, std::int64_t first, std::int64_t heads) const {
    return packed.unflatten(1, {-1, shape.head_dim}).narrow(1, first, heads);
  }
  at::Tensor q(const at::Tensor& packed) const { return part(packed, 0, shape.heads); }
  at::Tensor k(const at::Tensor& packed) const { return part(packed, shape.heads, shape.kv_heads); }
  at::Tensor v(const at::Tensor& packed) const { return part(packed, shape.heads + shape.kv_heads, shape.kv_heads); }

  std::optional<Attention> forward() const { return cudnn_attention(q(qkv), k(qkv), v(qkv), bounds); }
  bool backward(const Attention& saved, bool deterministic) const {
    return cudnn_attention_backward(dout, q(qkv), k(qkv), v(qkv), saved, bounds, q(dqkv), k(dqkv), v(dqkv),
                                    deterministic);
  }
};

/// The definition, in FP64 on the CPU, on the same inputs.
struct Definition {
  Attention forward;
  at::Tensor dqkv;

  explicit Definition(const Problem& problem) {
    Problem p(problem.shape, at::kDouble, at::kCPU);
    p.qkv.copy_(problem.qkv);
    p.dout.copy_(problem.dout);
    forward = plain_attention(p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), p.bounds);
    plain_attention_backward(p.dout, p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), forward, p.bounds, p.q(p.dqkv), p.k(p.dqkv),
                             p.v(p.dqkv));
    dqkv = p.dqkv;
  }
};

/// What two correct computations in a half type may differ by, of the largest value.
double agreement(at::ScalarType type) {
  return 16 * one_rounding(type);
}

class CudnnAttention : public ::testing::TestWithParam<std::tuple<Shape, at::ScalarType>> {};

TEST_P(CudnnAttention, FollowsTheDefinition) {
  const auto& [shape, type] = GetParam();
  const Problem p(shape, type, at::kCUDA);
  const Definition definition(p);
  const std::optional<Attention> out = p.forward();
  ASSERT_TRUE(out.has_value());
  expect_close(out->out, definition.forward.out, agreement(type));
  const at::Tensor lse = out->lse.dim() == 3 ? out->lse.transpose(0, 1).flatten(1) : out->lse;
  expect_close(lse, definition.forward.lse, 1e-4);
  p.dqkv.fill_(NAN);
  ASSERT_TRUE(p.backward(*out, false));
  expect_close(p.dqkv, definition.dqkv, agreement(type));
}

TEST_P(CudnnAttention, HasADeterministicBackwardOrLeavesItToOthers) {
  const auto& [shape, type] = GetParam();
  const Problem p(shape, type, at::kCUDA);
  const Attention saved = attention(p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), p.bounds);
  const auto backward = [&] {
    p.dqkv.fill_(NAN);
    attention_backward(p.dout, p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), saved, p.bounds, p.q(p.dqkv), p.k(p.dqkv),
                       p.v(p.dqkv), true);
    return p.dqkv.clone();
  };
  const at::Tensor once = backward();
  expect_close(once, Definition(p).dqkv, agreement(type));
  EXPECT_TRUE(backward().equal(once));
  RecordProperty("by_cudnn", p.backward(saved, true) ? "yes" : "no");
}

TEST_P(CudnnAttention, LeavesWhatTheOtherBackwardNeeds) {
  const auto& [shape, type] = GetParam();
  const Problem p(shape, type, at::kCUDA);
  const std::optional<Attention> out = p.forward();
  ASSERT_TRUE(out.has_value());
  cuda_flash_attention_backward(p.dout, p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), *out, p.bounds, p.q(p.dqkv), p.k(p.dqkv),
                                p.v(p.dqkv), true);
  expect_close(p.dqkv, Definition(p).dqkv, agreement(type));
}

std::string case_name(const ::testing::TestParamInfo<CudnnAttention::ParamType>& tested) {
  const auto& [shape, type] = tested.param;
  return std::string(shape.name) + "_" + c10::toString(type);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudnnAttention,
                         ::testing::Combine(::testing::Values(Shape{"equal_64", {0, 256, 512}, 8, 8, 64},
                                                              Shape{"equal_64_grouped", {0, 256, 512}, 8, 2, 64},
                                                              Shape{"equal_128_grouped", {0, 512}, 8, 2, 128},
                                                              Shape{"odd_length_64", {0, 333, 666}, 4, 4, 64},
                                                              Shape{
                                                                  "documents_64", {0, 1, 100, 100, 300, 811}, 8, 2, 64},
                                                              Shape{"documents_128", {0, 130, 133, 700}, 4, 4, 128}),
                                            ::testing::Values(at::kBFloat16, at::kHalf)),
                         case_name);

TEST(CudnnAttentionGraphs, ServeManyBatchesOfDocuments) {
  const auto run = [](const std::vector<std::int32_t>& starts) {
    const Problem p({"", starts, 4, 2, 64}, at::kBFloat16, at::kCUDA);
    const std::optional<Attention> out = p.forward();
    ASSERT_TRUE(out.has_value());
    ASSERT_TRUE(p.backward(*out, false));
  };
  run({0, 10, 500, 700, 1024});
  const std::size_t graphs = cudnn_attention_graphs();
  run({0, 300, 301, 311, 650, 900, 1000, 1024});
  EXPECT_EQ(cudnn_attention_graphs(), graphs + 2) << "eight sequences are another number than four";
  run({0, 300, 550, 1024, 1024, 1024, 1024});
  run({0, 10, 500, 700, 1024});
  EXPECT_EQ(cudnn_attention_graphs(), graphs + 2);
}

TEST(CudnnAttentionGraphs, RefuseWhatDoesNotFit) {
  const Problem p({"", {0, 64, 128}, 2, 2, 64}, at::kBFloat16, at::kCUDA);
  const at::Tensor odd_rows = in_strided_rows(p.qkv);
  EXPECT_FALSE(cudnn_attention(p.q(odd_rows), p.k(odd_rows), p.v(odd_rows), p.bounds).has_value());
  SequenceBounds more_keys = p.bounds;
  more_keys.query_starts = {0, 1, 2};
  EXPECT_FALSE(cudnn_attention(p.q(p.qkv).narrow(0, 0, 2), p.k(p.qkv), p.v(p.qkv), more_keys).has_value());
  const Attention by_flash = cuda_flash_attention(p.q(p.qkv), p.k(p.qkv), p.v(p.qkv), p.bounds);
  EXPECT_FALSE(p.backward(by_flash, false)) << "its lse lies otherwise";
}

TEST(GpuAttention, NewQueriesSeeAllKeysSoFar) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor q = random_tensor({4, 4, 16}, type), k = random_tensor({16, 2, 16}, type, 2);
    const at::Tensor v = random_tensor({16, 2, 16}, type, 3);
    const auto bounds = [](at::Device device) {
      SequenceBounds b = make_bounds({0, 1, 4}, device);
      const SequenceBounds keys = make_bounds({0, 9, 16}, device);
      b.key_starts = keys.key_starts;
      b.key_starts_device = keys.key_starts_device;
      b.max_key = keys.max_key;
      return b;
    };
    const at::Tensor gpu = attention(q.to(at::kCUDA), k.to(at::kCUDA), v.to(at::kCUDA), bounds(at::kCUDA)).out;
    expect_close(gpu.to(at::kCPU), attention(q, k, v, bounds(at::kCPU)).out, 8 * one_rounding(type));
  }
}

}  // namespace
}  // namespace baleen::kernels::testing
