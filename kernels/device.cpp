#include "kernels/device.h"

#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

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
    case at::kLong:
      return core::DType::i64;
    default:
      throw core::Error(core::ExitCode::internal, "no kernel takes tensors of this element type");
  }
}

at::ScalarType compute_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

void* current_stream(const at::Tensor& tensor) {
  return c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()).native_handle();
}

bool has_dense_rows(const at::Tensor& tensor) {
  return tensor.dim() == 2 && (tensor.size(1) <= 1 || tensor.stride(1) == 1);
}

}  // namespace baleen::kernels
