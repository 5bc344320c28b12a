#pragma once
// The matrix products of a layer together with what their backward registers.

#include <optional>

#include "models/dropout.h"
#include "models/saved.h"

namespace baleen::models {

/// y = x weightᵀ (+ bias); weight and bias may be several parameters that one GEMM reads as one (q, k, v; gate, up).
class Linear {
 public:
  explicit Linear(parallel::FusedParameters weight, std::optional<parallel::FusedParameters> bias = std::nullopt);

  /// x: [T, in]. Returns a new [T, out].
  at::Tensor forward(const at::Tensor& x) const;
  /// Returns the gradient of x; x is what forward saw. The weight part goes to `saved`.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, Saved& saved) const;

 private:
  parallel::FusedParameters weight_;
  std::optional<parallel::FusedParameters> bias_;
};

/// The product that ends a residual branch: y = residual + dropout(x weightᵀ). The gradient of the residual is dy
/// itself.
class ResidualLinear {
 public:
  ResidualLinear(parallel::FusedParameters weight, Dropout dropout);

  /// Where nothing is dropped the GEMM adds the residual. x: [T, in], residual: [T, out]. Returns a new [T, out].
  at::Tensor forward(const at::Tensor& x, const at::Tensor& residual, const Batch& batch) const;
  /// Returns the gradient of x.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const Batch& batch, Saved& saved) const;

 private:
  parallel::FusedParameters weight_;
  Dropout dropout_;
};

}  // namespace baleen::models
