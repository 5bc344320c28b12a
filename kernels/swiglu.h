#pragma once
// SwiGLU (Shazeer 2020) on packed gate and up: silu(gate) * up, computed in FP32 or better.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// gate_up: [T, 2F], gate first. Returns [T, F]. abs_max: see abs_max.h.
at::Tensor swiglu(const at::Tensor& gate_up, const at::Tensor& abs_max = {});
/// Returns the gradient of gate_up, [T, 2F].
at::Tensor swiglu_backward(const at::Tensor& dy, const at::Tensor& gate_up, const at::Tensor& abs_max = {});

}  // namespace baleen::kernels
