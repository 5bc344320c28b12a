#pragma once
// AdamW (Loshchilov & Hutter 2019) over a flat shard: one pass reads gradient, master and moments, writes master,
// moments and the published value. Formula and order of operations are PyTorch's torch.optim.AdamW.

#include <ATen/core/Tensor.h>

#include "kernels/adamw_update.h"
#include "kernels/flat_shard.h"

namespace baleen::kernels {

/// With g = gradient * state.gradient_multiplier, t = state.optimizer_step, lr = state.lr; nothing at all where
/// state.skip:
///   p *= 1 - lr * weight_decay                                  (blocks with decay only)
///   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g²
///   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
/// master, gradient, exp_avg, exp_avg_sq: flat [n], all fp32 or all fp64, contiguous, 16-byte aligned; gradient is only
/// read. value: flat [n] bf16 or fp16, receives the rounded master, or undefined where values share the master's
/// storage. decay: [ceil(n / kDecayBlock)] uint8, 1 where a block is decayed. state: [sizeof(StepState)] uint8 after
/// decide_step_(). All on one device; current stream; no host synchronisation. Elements that are zero with zero
/// gradients stay zero.
void adamw_(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& exp_avg,
            const at::Tensor& exp_avg_sq, const at::Tensor& value, const at::Tensor& decay, const at::Tensor& state,
            const AdamwOptions& options);

}  // namespace baleen::kernels
