#pragma once
// Rotary position embedding (Su et al. 2021), Hugging Face's layout: element i pairs with i + head_dim / 2.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// Rotates the first `heads` heads of each row in place. qkv: [T, >= heads * head_dim], unit stride in a row;
/// positions: [T] int64; cos, sin: [max positions, head_dim / 2], fp32 (fp64 where qkv is).
/// inverse: rotates back, which is the backward. abs_max (see abs_max.h): of whole rows, what is not rotated included.
void rope_(const at::Tensor& qkv, int heads, int head_dim, const at::Tensor& positions, const at::Tensor& cos,
           const at::Tensor& sin, bool inverse, const at::Tensor& abs_max = {});

}  // namespace baleen::kernels
