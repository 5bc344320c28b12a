#pragma once
// The definition of attention, in plain ATen operations in FP32 or better, for tensors of any device.

#include "kernels/attention.h"

namespace baleen::kernels {

/// As attention(); lse is [heads, Tq].
Attention plain_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds);

/// As attention_backward(); deterministic.
void plain_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                              const at::Tensor& dk, const at::Tensor& dv);

}  // namespace baleen::kernels
