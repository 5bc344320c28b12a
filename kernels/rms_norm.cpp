#include "kernels/rms_norm.h"

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {

RmsNorm rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  core::require(has_dense_rows(x) && weight.size(0) == x.size(1), "rms_norm: x [rows, D], weight [D]");
  const at::ScalarType type = compute_type(x.scalar_type());
  const at::Tensor wide = x.to(type);
  const at::Tensor rstd = wide.square().mean(1).add_(eps).rsqrt_();
  return {(wide * rstd.unsqueeze(1)).mul_(weight.to(type)).to(x.scalar_type()), rstd};
}

RmsNormGradient rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& rstd, const at::Tensor& add_to_dx) {
  core::require(has_dense_rows(dy) && has_dense_rows(x), "rms_norm_backward: dy, x [rows, D]");
  const at::ScalarType type = compute_type(x.scalar_type());
  const at::Tensor wide_dy = dy.to(type), scale = rstd.unsqueeze(1);
  const at::Tensor normed = x.to(type) * scale;
  const at::Tensor weighted = wide_dy * weight.to(type);
  at::Tensor dx = weighted.sub(normed * (weighted * normed).mean(1, true)).mul_(scale);
  if (add_to_dx.defined()) dx.add_(add_to_dx.to(type));
  return {dx.to(x.scalar_type()), (wide_dy * normed).sum(0)};
}

}  // namespace baleen::kernels
