#include "kernels/abs_max.h"

#include <ATen/ops/maximum.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "kernels/abs_max_launch.h"
#include "kernels/device.h"

namespace baleen::kernels {

at::Tensor abs_max(const at::Tensor& x) {
  at::Tensor largest = at::zeros({1}, x.options().dtype(at::kFloat));
  raise_abs_max_(largest, x);
  return largest;
}

void raise_abs_max_(const at::Tensor& abs_max, const at::Tensor& values) {
  float* slot = abs_max_slot(abs_max, values);
  if (slot == nullptr || values.numel() == 0) return;
  if (!on_cuda(values)) {
    abs_max.copy_(at::maximum(abs_max, values.abs().amax().to(at::kFloat)));
    return;
  }
  core::require(values.dim() == 2 && has_dense_rows(values) && values.scalar_type() == at::kBFloat16,
                "abs_max: [rows, columns] BF16 with dense rows");
  launch_abs_max(values.const_data_ptr(), values.stride(0), values.size(0), values.size(1), slot,
                 CudaScope(values).stream());
}

float* abs_max_slot(const at::Tensor& abs_max, const at::Tensor& values) {
  if (!abs_max.defined()) return nullptr;
  core::require(abs_max.numel() == 1 && abs_max.scalar_type() == at::kFloat && abs_max.device() == values.device(),
                "abs_max: fp32 [1], on the device of the values");
  return abs_max.mutable_data_ptr<float>();
}

}  // namespace baleen::kernels
