#include "kernels/gemm.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

at::Tensor upcast(const at::Tensor& t) {
  return t.defined() ? t.to(compute_type(t.scalar_type())) : t;
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& residual) {
  core::require(x.dim() == 2 && weight.dim() == 2 && x.size(1) == weight.size(1),
                "linear: x [T, in], weight [out, in]");
  const at::Tensor wide_x = upcast(x), wide_weight = upcast(weight).t();
  at::Tensor y;
  if (residual.defined()) {
    y = at::addmm(upcast(residual), wide_x, wide_weight);
    if (bias.defined()) y.add_(upcast(bias));
  } else {
    y = bias.defined() ? at::addmm(upcast(bias), wide_x, wide_weight) : at::mm(wide_x, wide_weight);
  }
  return y.to(x.scalar_type());
}

at::Tensor linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight) {
  core::require(dy.dim() == 2 && weight.dim() == 2 && dy.size(1) == weight.size(0),
                "linear_input_gradient: dy [T, out], weight [out, in]");
  return at::mm(upcast(dy), upcast(weight)).to(dy.scalar_type());
}

void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& out, double beta) {
  core::require(
      dy.dim() == 2 && x.dim() == 2 && dy.size(0) == x.size(0) && out.size(0) == dy.size(1) && out.size(1) == x.size(1),
      "linear_weight_gradient: dy [T, out], x [T, in], out [out, in]");
  const at::ScalarType type = compute_type(out.scalar_type());
  const at::Tensor wide_dy = dy.to(type).t(), wide_x = x.to(type);
  at::Tensor target = out;
  if (type != out.scalar_type()) {
    target.copy_(beta == 0 ? at::mm(wide_dy, wide_x) : at::addmm(out.to(type), wide_dy, wide_x, beta));
  } else if (beta == 0) {
    at::mm_out(target, wide_dy, wide_x);
  } else {
    at::addmm_out(target, target, wide_dy, wide_x, beta);
  }
}

at::Tensor bias_gradient(const at::Tensor& dy, at::ScalarType dtype) {
  return at::sum(dy, {0}, false, compute_type(dtype)).to(dtype);
}

}  // namespace baleen::kernels
