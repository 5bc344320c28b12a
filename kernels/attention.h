#pragma once
// Causal grouped-query attention over packed sequences. The definition is plain ATen code (matrix products and softmax
// in FP32 or better), used on the CPU and, for FP32 and FP64, on a GPU. BF16 and FP16 on a GPU: cuDNN, and where that
// does not take the call FlashAttention-2 (Dao 2023) through LibTorch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace baleen::kernels {

/// Borders of the sequences in the rows of q and of k, v: sequence s owns rows [starts[s], starts[s + 1]).
/// Training: both equal. Generation: fewer queries than keys; the last query sees the last key (aligned at the end).
struct SequenceBounds {
  std::vector<std::int32_t> query_starts;  // S + 1 entries, first 0, last the rows of q
  std::vector<std::int32_t> key_starts;
  at::Tensor query_starts_device;  // the same, int32 on the compute device
  at::Tensor key_starts_device;
  std::int64_t max_query = 0;  // longest sequence
  std::int64_t max_key = 0;
  // The query's lengths and borders as if there were a power of two of sequences, P, the last ones empty: what is built
  // for a number of sequences serves many batches. [P] and [P + 2], int32 on the compute device, from 16 bytes on.
  at::Tensor padded_lengths_device;
  at::Tensor padded_starts_device;
};

/// Fills both sides from one list of borders.
SequenceBounds make_bounds(const std::vector<std::int32_t>& starts, at::Device device);

struct Attention {
  at::Tensor out;  // [Tq, heads, head_dim], contiguous, like q
  at::Tensor lse;  // log-sum-exp of the scaled scores for the backward; layout is the implementation's own
};

/// q: [Tq, heads, head_dim]; k, v: [Tk, kv_heads, head_dim], heads a multiple of kv_heads; unit stride in head_dim,
/// rows may be strided (views into a packed QKV). Scores are scaled by 1 / sqrt(head_dim).
Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds);

/// Writes dq, dk, dv, which are views like q, k, v (usually into one packed dQKV). Deterministic when asked.
void attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                        const at::Tensor& dk, const at::Tensor& dv, bool deterministic);

}  // namespace baleen::kernels
