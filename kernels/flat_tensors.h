#pragma once
// Checks the tensors of a flat shard and takes their pointers: the host side of adamw.h and sgd.h.

#include <ATen/core/Tensor.h>

#include "kernels/flat_shard.h"

namespace baleen::kernels {

/// second_moment and value may be undefined. Error(internal) where shapes, dtypes, devices or alignment do not fit.
FlatShard flat_shard(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& first_moment,
                     const at::Tensor& second_moment, const at::Tensor& value, const at::Tensor& decay,
                     const at::Tensor& state);

}  // namespace baleen::kernels
