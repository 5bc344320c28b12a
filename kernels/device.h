#pragma once
// What every op asks of its tensors: element type, where the rows lie, device and stream.

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>

#include "core/dtype.h"
#include "kernels/row_layout.h"

namespace baleen::kernels {

/// The element type as launchers name it; Error(internal) for types that no kernel takes.
core::DType dtype_of(const at::Tensor& tensor);
/// LibTorch's name of a floating-point element type; Error(internal) for others.
at::ScalarType scalar_type(core::DType type);

/// FP64 for FP64, FP32 for everything else: what an op computes in.
at::ScalarType compute_type(at::ScalarType type);

inline bool on_cuda(const at::Tensor& tensor) {
  return tensor.device().is_cuda();
}

/// Unit stride in the last of two or three dims, which is what row_layout() takes.
bool has_dense_rows(const at::Tensor& tensor);
/// Rows of a 2-D or 3-D tensor with dense rows.
RowLayout row_layout(const at::Tensor& tensor);
/// All rows of a tensor: the product of all sizes but the last.
std::int64_t row_count(const at::Tensor& tensor);

/// Makes the tensor's GPU current while it lives. stream() is that GPU's current stream, a cudaStream_t.
class CudaScope {
 public:
  explicit CudaScope(const at::Tensor& tensor);
  void* stream() const { return stream_; }

 private:
  c10::DeviceGuard guard_;
  void* stream_;
};

/// A GPU's compute capability in two digits: 90 for Hopper. Error(environment) in a build without CUDA.
int compute_capability(at::Device device);
/// The current stream of a GPU, a cudaStream_t. Error(environment) in a build without CUDA.
void* current_stream(at::Device device);

}  // namespace baleen::kernels
