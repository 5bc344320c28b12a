#pragma once
// cuDNN's fused attention for training batches on a GPU, in BF16 and FP16. One graph is built for each shape and kept.

#include <optional>

#include "kernels/attention.h"

namespace baleen::kernels {

/// As attention(), or nothing where cuDNN does not take the call; where it refuses a shape, the log says why once. It
/// takes sequences whose queries and keys are the same tokens, in rows and heads that start on 16 bytes. Sequences of
/// one length are a plain batch; others are given by their borders (packed documents). lse: [sequences, heads, T] where
/// all have the length T, else a [heads, Tq] view of [Tq, heads].
std::optional<Attention> cudnn_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                         const SequenceBounds& bounds);

/// As attention_backward() after cudnn_attention(); false, and nothing is written, where cuDNN does not take it or
/// `saved` is another's. Its workspace is linear in the tokens: at most ten times q, plus 64 MiB. (On Hopper the
/// deterministic one of cuDNN 9 keeps the gradients of all scores, so that it is taken for short sequences only.)
bool cudnn_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                              const at::Tensor& dk, const at::Tensor& dv, bool deterministic);

/// How many graphs this process has built or seen refused.
std::size_t cudnn_attention_graphs();

}  // namespace baleen::kernels
