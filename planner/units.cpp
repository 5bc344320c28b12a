#include "planner/units.h"

#include <algorithm>

#include "planner/unit_tensors.h"

namespace baleen::planner {
namespace {

using models::Recompute;

/// models::ModuleOptions::loss_chunk_elements.
constexpr std::int64_t kLossChunkElements = std::int64_t{1} << 28;

/// A matrix of all tokens in FP8, one way: bytes and scales.
std::int64_t fp8_bytes(const ComputeShape& s, std::int64_t features) {
  constexpr std::int64_t kTile = 128, kScale = 4;
  return features * s.tokens + (s.fp8_block ? (s.tokens + kTile - 1) / kTile * features : 1) * kScale;
}

/// Pushed by AttentionBlock, QkNorm and MlpBlock where nothing is recomputed.
struct LayerSaved {
  LayerSaved(const ComputeShape& s, const Tensors& t)
      : attention(t.x + t.rstd + t.qkv + t.q + t.lse +
                  (s.qk_norm ? t.qkv + s.tokens * (s.heads + s.kv_heads) * s.wide : 0)),
        attention_elementwise((s.fp8.qkv ? fp8_bytes(s, s.dim) : t.x) + (s.fp8.out ? fp8_bytes(s, s.q()) : 0)),
        mlp(t.x),
        gate_up(2 * t.ffn),
        mlp_elementwise(t.rstd + (s.fp8.gate_up ? fp8_bytes(s, s.dim) : t.x) +
                        (s.fp8.down ? fp8_bytes(s, s.ffn) : t.ffn)) {}
  std::int64_t attention, attention_elementwise, mlp, gate_up, mlp_elementwise;
  std::int64_t all() const { return attention + attention_elementwise + mlp + gate_up + mlp_elementwise; }
};

/// FlashAttention-2's: gradients of q in FP32, of k and v for each query head.
std::int64_t attention_workspace(const ComputeShape& s, const Tensors& t) {
  if (s.size >= 4) return 0;
  const std::int64_t expanded = s.kv_heads < s.heads ? 2 * t.q : 0;
  return s.tokens * s.q() * s.wide + t.lse + expanded;
}

ActivationBytes layer_bytes(const ComputeShape& s) {
  const Tensors t(s);
  const LayerSaved kept(s, t);
  ActivationBytes bytes;
  const bool block = s.recompute == Recompute::block;
  // Of a layer that is not replayed as a whole.
  const std::int64_t replayed_attention =
      s.recompute == Recompute::elementwise || s.recompute == Recompute::mlp ? kept.attention_elementwise : 0;
  const std::int64_t replayed_mlp = s.recompute == Recompute::mlp           ? kept.gate_up + kept.mlp_elementwise
                                    : s.recompute == Recompute::elementwise ? kept.mlp_elementwise
                                                                            : 0;
  bytes.saved = block ? t.x : kept.all() - replayed_attention - replayed_mlp;
  const auto operands = [&](bool in_fp8, std::int64_t features, std::int64_t plain) {
    return in_fp8 ? fp8_bytes(s, features) : plain;
  };
  // The gradient of an output and the input, of both products.
  const std::int64_t mlp_operands = operands(s.fp8.down, s.dim + s.ffn, t.all_x + t.ffn) +
                                    operands(s.fp8.gate_up, 2 * s.ffn + s.dim, 2 * t.ffn + t.all_x);
  const std::int64_t attention_operands =
      operands(s.fp8.out, s.dim + s.q(), t.all_x + t.q) + operands(s.fp8.qkv, s.qkv() + s.dim, t.qkv + t.all_x);
  const std::int64_t vectors = (2 * s.dim + (s.qkv_bias ? s.qkv() : 0) + (s.qk_norm ? 2 * s.head_dim : 0)) * s.wide;
  bytes.operands = mlp_operands + attention_operands + vectors;

  // Besides what is kept: the largest tensor that is quantized, and its bytes the other way.
  const std::int64_t quantized = s.fp8.down ? t.ffn + t.ffn / s.size : s.fp8.gate_up ? t.all_x + t.all_x / s.size : 0;
  // The output, what it was before the sum over the tensor axis, and what is made but not kept.
  const std::int64_t made = block ? kept.all() - t.x : replayed_mlp;
  bytes.forward_working = t.x + made + (communicates(s.tensor) ? t.all_x + t.gathered_x : 0) + quantized;

  const std::int64_t replayed = block ? kept.all() - t.x : 0;
  const std::int64_t summed = communicates(s.tensor) ? t.x : 0;
  // SwiGLU's gradient beside its input, which is gone when gate and up have theirs.
  const std::int64_t mlp = t.x + std::max(3 * t.ffn, t.all_x + summed + t.x) + 2 * t.gathered_x + replayed_mlp;
  const std::int64_t freed_mlp = kept.mlp + kept.gate_up + kept.mlp_elementwise - replayed_mlp;
  const std::int64_t attention =
      mlp_operands - freed_mlp + t.x + t.gathered_x + t.q + t.qkv + attention_workspace(s, t) + replayed_attention;
  bytes.backward_working = replayed + std::max(mlp, attention);
  return bytes;
}

/// Logits of a chunk, the gradients of all inputs, and these once more where chunks are put together.
ActivationBytes head_bytes(const ComputeShape& s) {
  const Tensors t(s);
  const bool chunks = s.chunk_tokens() < s.tokens;
  ActivationBytes bytes;
  bytes.forward_working = s.chunk_tokens() * s.vocabulary * s.size + t.x + t.gathered_x + t.all_x * (chunks ? 2 : 1);
  return bytes;
}

}  // namespace

std::int64_t ComputeShape::chunk_tokens() const {
  const std::int64_t most = std::max<std::int64_t>(1, kLossChunkElements / vocabulary);
  const std::int64_t chunks = std::max<std::int64_t>(1, (tokens + most - 1) / most);
  return (tokens + chunks - 1) / chunks;
}

ComputeShape compute_shape(const PlannedStep& step) {
  const Config& config = step.config;
  const models::ModelConfig& model = config.model;
  ComputeShape shape;
  shape.tensor = step.dims.tensor;
  shape.splits_tokens = config.parallelism.sequence_parallel && communicates(shape.tensor);
  shape.sequence = config.training.sequence_length;
  shape.tokens = config.training.micro_batch_size * shape.sequence;
  shape.tokens = (shape.tokens + shape.tensor - 1) / shape.tensor * shape.tensor;
  shape.outer_tokens = shape.splits_tokens ? shape.tokens / shape.tensor : shape.tokens;
  shape.dim = model.dim;
  shape.head_dim = model.head_dim();
  shape.heads = model.heads / shape.tensor;
  shape.kv_heads = model.kv_heads / std::min<std::int64_t>(model.kv_heads, shape.tensor);
  shape.ffn = model.ffn_dim / shape.tensor;
  shape.vocabulary = step.ranks.back().units.back().layout.parameters.front().local_shape.front();
  shape.size = step.compute_size();
  shape.wide = step.master_size();
  shape.recompute = models::recompute_named(config.training.recompute);
  shape.qk_norm = model.qk_norm;
  shape.qkv_bias = model.qkv_bias;
  shape.dropout = model.dropout > 0;
  if (step.config.precision.fp8() && shape.tokens % models::kFp8Multiple == 0)
    shape.fp8 = models::fp8_linears(model, shape.tensor, step.config.precision.fp8_smallest);
  shape.fp8_block = step.config.precision.fp8_recipe == "block";
  return shape;
}

ActivationBytes activation_bytes(UnitKind kind, const ComputeShape& shape) {
  const Tensors t(shape);
  switch (kind) {
    case UnitKind::embedding:
      return {0, t.all_x, t.all_x + (shape.splits_tokens ? t.x : 0), t.gathered_x};
    case UnitKind::layer:
      return layer_bytes(shape);
    case UnitKind::norm:
      return {t.x + t.rstd, shape.dim * shape.wide, t.x, 2 * t.x};
    case UnitKind::head:
      return head_bytes(shape);
  }
  return {};
}

UnitTensorCalls tensor_calls(UnitKind kind, const ComputeShape& shape) {
  UnitTensorCalls calls;
  if (!communicates(shape.tensor)) return calls;
  const int gather = shape.splits_tokens ? 1 : 0;  // else everybody has all tokens
  switch (kind) {
    case UnitKind::embedding:
      calls.forward.sums = 1;
      calls.backward_input.gathers = gather;
      break;
    case UnitKind::layer:
      calls.forward = {2 * gather, 2};  // both branches: in, out
      // Both: dy; x once more, but for what is kept in FP8; the gradient of x.
      calls.backward_input = {(4 - int{shape.fp8.qkv} - int{shape.fp8.gate_up}) * gather, 2};
      if (shape.recompute == Recompute::block) {
        calls.backward_input.gathers += calls.forward.gathers;
        calls.backward_input.sums += calls.forward.sums;
      }
      if (shape.recompute == Recompute::elementwise)
        calls.backward_input.gathers += (int{shape.fp8.gate_up} + int{shape.fp8.qkv}) * gather;
      if (shape.recompute == Recompute::mlp) calls.backward_input.gathers += (1 + int{shape.fp8.qkv}) * gather;
      break;
    case UnitKind::norm:
      break;
    case UnitKind::head:
      calls.forward = {gather, 1};
      break;
  }
  return calls;
}

}  // namespace baleen::planner
