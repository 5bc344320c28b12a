#pragma once
// RMSNorm with its weight.

#include "kernels/fp8_producers.h"
#include "models/module.h"

namespace baleen::models {

class Norm final : public Module {
 public:
  Norm(const parallel::Parameter& weight, double eps);

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

  // For blocks that decide themselves what to keep:
  struct Result {
    Operand y;
    at::Tensor rstd;  // what the backward needs beside x
  };
  /// x: [rows, D], rows may be strided.
  Result apply(const at::Tensor& x) const;
  /// In FP8.
  Result apply(const at::Tensor& x, const kernels::Fp8Form& form) const;
  /// Returns the gradient of x plus add_to_dx (the gradient of the residual path; may be undefined). abs_max
  /// (kernels/abs_max.h): of what is returned.
  Gradient gradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& rstd, const at::Tensor& add_to_dx,
                    Saved& saved, const at::Tensor& abs_max = {}) const;

 private:
  parallel::FusedParameters weight_;
  double eps_;
};

}  // namespace baleen::models
