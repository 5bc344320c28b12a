#include "kernels/gemm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/bias_gradient_launch.h"
#include "kernels/device.h"
#include "kernels/matrix_product.h"

namespace baleen::kernels {
namespace {

at::Tensor upcast(const at::Tensor& t) {
  return t.defined() ? t.to(compute_type(t.scalar_type())) : t;
}

bool is_matrix(const at::Tensor& t) {
  return t.dim() == 2;
}

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const at::Tensor& residual) {
  core::require(is_matrix(x) && is_matrix(weight) && x.size(1) == weight.size(1) &&
                    (!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0))) &&
                    (!residual.defined() ||
                     (is_matrix(residual) && residual.size(0) == x.size(0) && residual.size(1) == weight.size(0))),
                "linear: x [T, in], weight [out, in], bias [out], residual [T, out]");
  if (!on_cuda(x)) {
    return cpu_product(upcast(x), upcast(weight).t(), upcast(bias), upcast(residual)).to(x.scalar_type());
  }
  at::Tensor y = at::empty({x.size(0), weight.size(0)}, x.options());
  const double beta = residual.defined() ? 1 : 0;
  cuda_product({.a = x, .b = weight.t(), .bias = bias, .c = residual, .beta = beta, .out = y});
  return y;
}

at::Tensor linear_input_gradient(const at::Tensor& dy, const at::Tensor& weight) {
  core::require(is_matrix(dy) && is_matrix(weight) && dy.size(1) == weight.size(0),
                "linear_input_gradient: dy [T, out], weight [out, in]");
  if (!on_cuda(dy)) return cpu_product(upcast(dy), upcast(weight), {}, {}).to(dy.scalar_type());
  at::Tensor dx = at::empty({dy.size(0), weight.size(1)}, dy.options());
  cuda_product({.a = dy, .b = weight, .bias = {}, .c = {}, .beta = 0, .out = dx});
  return dx;
}

void linear_weight_gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& out, double beta) {
  core::require(is_matrix(dy) && is_matrix(x) && is_matrix(out) && dy.size(0) == x.size(0) &&
                    out.size(0) == dy.size(1) && out.size(1) == x.size(1),
                "linear_weight_gradient: dy [T, out], x [T, in], out [out, in]");
  core::require(beta == 0 || beta == 1, "linear_weight_gradient: beta 0 overwrites, beta 1 adds");
  if (dy.size(0) == 0) {
    if (beta == 0) out.zero_();
  } else if (on_cuda(dy)) {
    cuda_product({.a = dy.t(), .b = x, .bias = {}, .c = out, .beta = beta, .out = out});
  } else {
    const at::ScalarType type = compute_type(out.scalar_type());
    out.copy_(cpu_product(dy.to(type).t(), x.to(type), {}, beta == 0 ? at::Tensor() : out.to(type)));
  }
}

at::Tensor bias_gradient(const at::Tensor& dy, at::ScalarType dtype) {
  core::require(is_matrix(dy) && has_dense_rows(dy), "bias_gradient: dy [T, out]");
  const at::ScalarType type = compute_type(dy.scalar_type());
  if (!on_cuda(dy)) return at::sum(dy, {0}, false, type).to(dtype);
  const CudaScope scope(dy);
  at::Tensor sum = at::empty({dy.size(1)}, dy.options().dtype(type));
  const at::Tensor partials = at::empty({bias_gradient_partials(dy.size(0), dy.size(1)), dy.size(1)}, sum.options());
  const BiasGradientArgs args{.dy = dy.const_data_ptr(),
                              .stride = dy.stride(0),
                              .rows = dy.size(0),
                              .columns = dy.size(1),
                              .partials = partials.mutable_data_ptr(),
                              .sum = sum.mutable_data_ptr()};
  launch_bias_gradient(dtype_of(dy), args, scope.stream());
  return sum.to(dtype);
}

}  // namespace baleen::kernels
