#include "kernels/swiglu.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {

at::Tensor swiglu(const at::Tensor& gate_up) {
  core::require(has_dense_rows(gate_up) && gate_up.size(1) % 2 == 0, "swiglu: gate_up [T, 2F]");
  const std::int64_t f = gate_up.size(1) / 2;
  const at::Tensor wide = gate_up.to(compute_type(gate_up.scalar_type()));
  return at::silu(wide.narrow(1, 0, f)).mul_(wide.narrow(1, f, f)).to(gate_up.scalar_type());
}

at::Tensor swiglu_backward(const at::Tensor& dy, const at::Tensor& gate_up) {
  core::require(has_dense_rows(gate_up) && dy.size(1) * 2 == gate_up.size(1),
                "swiglu_backward: dy [T, F], gate_up [T, 2F]");
  const std::int64_t f = dy.size(1);
  const at::ScalarType type = compute_type(gate_up.scalar_type());
  const at::Tensor gate = gate_up.narrow(1, 0, f).to(type), up = gate_up.narrow(1, f, f).to(type),
                   wide_dy = dy.to(type);
  const at::Tensor s = at::sigmoid(gate);
  const at::Tensor dgate = wide_dy * up * s * (1 + gate * (1 - s)), dup = wide_dy * gate * s;
  return at::cat({dgate, dup}, 1).to(gate_up.scalar_type());
}

}  // namespace baleen::kernels
