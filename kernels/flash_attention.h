#pragma once
// LibTorch's attention that never stores the scores (Dao 2023), on the devices and for the types where LibTorch has it.

#include "kernels/attention.h"

namespace baleen::kernels {

/// FP32 on the CPU for training batches of equal sequences.
bool has_cpu_flash_attention(const at::Tensor& q, const SequenceBounds& bounds);
Attention cpu_flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const SequenceBounds& bounds);
void cpu_flash_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                                  const at::Tensor& dk, const at::Tensor& dv);

/// BF16 and FP16 on a GPU, head sizes that are multiples of 8 up to 256: FlashAttention-2. The backward takes cuDNN's
/// lse too.
bool has_cuda_flash_attention(const at::Tensor& q);
Attention cuda_flash_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const SequenceBounds& bounds);
void cuda_flash_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k,
                                   const at::Tensor& v, const Attention& saved, const SequenceBounds& bounds,
                                   const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv,
                                   bool deterministic);

}  // namespace baleen::kernels
