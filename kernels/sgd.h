#pragma once
// SGD with momentum over a flat shard. PyTorch's torch.optim.SGD (dampening 0, no Nesterov) with weight decay
// decoupled, as in SGDW (Loshchilov & Hutter 2019), so that decay means the same under every optimizer of Baleen.

#include <ATen/core/Tensor.h>

#include "kernels/sgd_update.h"

namespace baleen::kernels {

/// With g = gradient * state.gradient_multiplier and lr = state.lr; nothing at all where state.skip:
///   p *= 1 - lr * weight_decay   (blocks with decay only)
///   u = momentum u + g
///   p -= lr u
/// Tensors as adamw_() takes them (kernels/adamw.h); momentum: like master.
void sgd_(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& momentum, const at::Tensor& value,
          const at::Tensor& decay, const at::Tensor& state, const SgdOptions& options);

}  // namespace baleen::kernels
