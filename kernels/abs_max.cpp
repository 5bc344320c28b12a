#include "kernels/abs_max.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>

#include "core/error.h"
#include "kernels/abs_max_launch.h"
#include "kernels/device.h"

namespace baleen::kernels {

at::Tensor abs_max(const at::Tensor& x) {
  core::require(x.dim() == 2 && has_dense_rows(x) && x.scalar_type() == at::kBFloat16,
                "abs_max: x [rows, columns] BF16 with dense rows");
  at::Tensor largest = at::empty({1}, x.options().dtype(at::kFloat));
  if (on_cuda(x)) {
    launch_abs_max(x.const_data_ptr(), x.stride(0), x.size(0), x.size(1), abs_max_slot(largest, x),
                   CudaScope(x).stream());
  } else {
    raise_abs_max_(largest.zero_(), x);
  }
  return largest;
}

void raise_abs_max_(const at::Tensor& abs_max, const at::Tensor& values) {
  if (abs_max_slot(abs_max, values) && values.numel() > 0)
    abs_max.copy_(at::maximum(abs_max, values.abs().amax().to(at::kFloat)));
}

float* abs_max_slot(const at::Tensor& abs_max, const at::Tensor& values) {
  if (!abs_max.defined()) return nullptr;
  core::require(abs_max.numel() == 1 && abs_max.scalar_type() == at::kFloat && abs_max.device() == values.device(),
                "abs_max: fp32 [1], on the device of the values");
  return abs_max.mutable_data_ptr<float>();
}

}  // namespace baleen::kernels
