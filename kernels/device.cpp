#include "kernels/device.h"

#include "core/error.h"

namespace baleen::kernels {

core::DType dtype_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return core::DType::f64;
    case at::kFloat:
      return core::DType::f32;
    case at::kBFloat16:
      return core::DType::bf16;
    case at::kHalf:
      return core::DType::f16;
    default:
      throw core::Error(core::ExitCode::internal, "no kernel takes tensors of this element type");
  }
}

at::ScalarType scalar_type(core::DType type) {
  switch (type) {
    case core::DType::f64:
      return at::kDouble;
    case core::DType::f32:
      return at::kFloat;
    case core::DType::bf16:
      return at::kBFloat16;
    case core::DType::f16:
      return at::kHalf;
    default:
      throw core::Error(core::ExitCode::internal, "no kernel takes tensors of this element type");
  }
}

at::ScalarType compute_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

bool has_dense_rows(const at::Tensor& tensor) {
  const std::int64_t dims = tensor.dim();
  return (dims == 2 || dims == 3) && (tensor.size(dims - 1) <= 1 || tensor.stride(dims - 1) == 1);
}

RowLayout row_layout(const at::Tensor& tensor) {
  if (tensor.dim() == 2) return {.inner = 1, .outer_stride = tensor.stride(0), .inner_stride = 0};
  return {.inner = tensor.size(1), .outer_stride = tensor.stride(0), .inner_stride = tensor.stride(1)};
}

std::int64_t row_count(const at::Tensor& tensor) {
  return tensor.dim() == 2 ? tensor.size(0) : tensor.size(0) * tensor.size(1);
}

CudaScope::CudaScope(const at::Tensor& tensor) : guard_(tensor.device()), stream_(current_stream(tensor.device())) {}

}  // namespace baleen::kernels
