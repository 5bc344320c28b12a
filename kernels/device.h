#pragma once
// What every op asks of a tensor before it touches the memory: element type, layout, device.

#include <ATen/core/Tensor.h>

#include "core/dtype.h"

namespace baleen::kernels {

/// The element type as kernels name it; Error(internal) for types that no kernel takes.
core::DType dtype_of(const at::Tensor& tensor);

/// FP64 for FP64, FP32 for everything else: what an op computes in.
at::ScalarType compute_type(at::ScalarType type);

/// True for tensors of a CUDA device.
inline bool on_cuda(const at::Tensor& tensor) {
  return tensor.device().is_cuda();
}

/// The current stream of a CUDA tensor's device, a cudaStream_t: what launchers take.
void* current_stream(const at::Tensor& tensor);

/// 2-D with unit stride in the last dim; rows may be strided.
bool has_dense_rows(const at::Tensor& tensor);

}  // namespace baleen::kernels
