#pragma once
// Matrix products. CPU: LibTorch (the definition). CUDA: cuBLASLt behind a plan cache. Row-major, TF32 off, FP32 (FP64)
// accumulation. All on the current stream of the tensors' device, no host synchronisation.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// x weightᵀ (+ bias) (+ residual). x: [T, in], weight: [out, in], bias: [out], residual: [T, out], all of x's dtype;
/// bias and residual may be undefined. Returns a new [T, out]. The residual is added before rounding (GEMM with beta
/// 1).
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias = {},
                  const at::Tensor& residual = {});

/// dy weight: the gradient of x. dy: [T, out], weight: [out, in]. Returns a new [T, in].
at::Tensor linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight);

/// out = dyᵀ x + beta out, accumulated in out's dtype (FP32 where dy and x are half types). dy: [T, out], x: [T, in].
void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& out, double beta);

/// The sum of dy over its rows, in `dtype`. dy: [T, out]. Returns a new [out]. Deterministic.
at::Tensor bias_gradient(const at::Tensor& dy, at::ScalarType dtype);

}  // namespace baleen::kernels
