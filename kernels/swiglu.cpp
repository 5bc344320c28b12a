#include "kernels/swiglu.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>

#include "core/error.h"
#include "kernels/abs_max.h"
#include "kernels/device.h"
#include "kernels/swiglu_launch.h"

namespace baleen::kernels {
namespace {

// LibTorch's silu is vectorised for the machine at hand, which beats a fused loop compiled for any x86-64.
at::Tensor swiglu_cpu(const at::Tensor& gate_up) {
  const std::int64_t width = gate_up.size(1) / 2;
  const at::Tensor wide = gate_up.to(compute_type(gate_up.scalar_type()));
  return at::silu(wide.narrow(1, 0, width)).mul_(wide.narrow(1, width, width)).to(gate_up.scalar_type());
}

at::Tensor swiglu_backward_cpu(const at::Tensor& dy, const at::Tensor& gate_up) {
  const std::int64_t width = dy.size(1);
  const at::ScalarType type = compute_type(gate_up.scalar_type());
  const at::Tensor wide = gate_up.to(type), wide_dy = dy.to(type);
  const at::Tensor gate = wide.narrow(1, 0, width), up = wide.narrow(1, width, width);
  const at::Tensor gradient = at::empty({dy.size(0), 2 * width}, wide.options());
  at::Tensor dgate = gradient.narrow(1, 0, width), dup = gradient.narrow(1, width, width);
  at::silu_backward_out(dgate, at::mul(wide_dy, up), gate);
  at::mul_out(dup, at::silu(gate), wide_dy);
  return gradient.to(gate_up.scalar_type());
}

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up, const at::Tensor& abs_max) {
  core::require(gate_up.dim() == 2 && has_dense_rows(gate_up) && gate_up.size(1) % 2 == 0, "swiglu: gate_up [T, 2F]");
  if (!on_cuda(gate_up)) {
    const at::Tensor made = swiglu_cpu(gate_up);
    raise_abs_max_(abs_max, made);
    return made;
  }
  at::Tensor y = at::empty({gate_up.size(0), gate_up.size(1) / 2}, gate_up.options());
  const SwigluArgs args{.gate_up = gate_up.const_data_ptr(),
                        .gate_up_stride = gate_up.stride(0),
                        .y = y.mutable_data_ptr(),
                        .rows = y.size(0),
                        .width = y.size(1),
                        .abs_max = abs_max_slot(abs_max, y)};
  launch_swiglu(dtype_of(gate_up), args, CudaScope(gate_up).stream());
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& dy, const at::Tensor& gate_up, const at::Tensor& abs_max) {
  core::require(dy.dim() == 2 && gate_up.dim() == 2 && has_dense_rows(dy) && has_dense_rows(gate_up) &&
                    dy.size(0) == gate_up.size(0) && dy.size(1) * 2 == gate_up.size(1) &&
                    dy.scalar_type() == gate_up.scalar_type(),
                "swiglu_backward: dy [T, F], gate_up [T, 2F], one dtype");
  if (!on_cuda(gate_up)) {
    const at::Tensor made = swiglu_backward_cpu(dy, gate_up);
    raise_abs_max_(abs_max, made);
    return made;
  }
  at::Tensor gradient = at::empty(gate_up.sizes(), gate_up.options());
  const SwigluBackwardArgs args{.dy = dy.const_data_ptr(),
                                .dy_stride = dy.stride(0),
                                .gate_up = gate_up.const_data_ptr(),
                                .gate_up_stride = gate_up.stride(0),
                                .dgate_up = gradient.mutable_data_ptr(),
                                .rows = dy.size(0),
                                .width = dy.size(1),
                                .abs_max = abs_max_slot(abs_max, gradient)};
  launch_swiglu_backward(dtype_of(gate_up), args, CudaScope(gate_up).stream());
  return gradient;
}

}  // namespace baleen::kernels
