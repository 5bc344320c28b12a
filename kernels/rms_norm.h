#pragma once
// RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x²) + eps) * weight, over the last dim, in FP32 or better.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

struct RmsNorm {
  at::Tensor y;     // like x, contiguous
  at::Tensor rstd;  // [rows] 1 / sqrt(mean(x²) + eps), fp32 (fp64 where x is)
};

/// x: [rows, D], or [T, heads, D] with rows = T * heads (heads inside a packed QKV). Unit stride in D, other strides
/// free. weight: [D] of x's dtype. abs_max (see abs_max.h): of y.
RmsNorm rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& abs_max = {});

struct RmsNormGradient {
  at::Tensor dx;       // like x, contiguous
  at::Tensor dweight;  // [D] fp32 (fp64 where x is), deterministic
};

/// dy: like x, its own strides. add_to_dx (may be undefined; like x) is the gradient that reached x by the residual
/// path: it is added to dx before rounding. abs_max: of dx.
RmsNormGradient rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& rstd, const at::Tensor& add_to_dx = {},
                                  const at::Tensor& abs_max = {});

}  // namespace baleen::kernels
