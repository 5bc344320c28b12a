#pragma once
// The matrix products of a layer together with what their backward registers. Over the tensor axis the first product of
// a branch is cut by the rows of its weight, the last one by the columns, so that only the ends of a branch communicate
// (parallel/tensor_region.h); its `region` says what that costs.

#include <optional>

#include "models/dropout.h"
#include "models/saved.h"

namespace baleen::models {

/// The product that begins a branch: y = x weightᵀ (+ bias); weight and bias may be several parameters that one GEMM
/// reads as one (q, k, v; gate, up).
class Linear {
 public:
  explicit Linear(parallel::FusedParameters weight, std::optional<parallel::FusedParameters> bias = std::nullopt,
                  const parallel::TensorRegion& region = {});

  /// x: [T, in] in the outer form. Returns a new [T, out]: this rank's part of the features.
  at::Tensor forward(const at::Tensor& x) const;
  /// Returns the gradient of x; x is what forward saw (gathered anew where it has tokens of its own: cheaper than to
  /// keep them all). The weight part goes to `saved`.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, Saved& saved) const;

 private:
  parallel::FusedParameters weight_;
  std::optional<parallel::FusedParameters> bias_;
  parallel::TensorRegion region_;
};

/// The product that ends a residual branch: y = residual + dropout(x weightᵀ). The gradient of the residual is dy
/// itself.
class ResidualLinear {
 public:
  ResidualLinear(parallel::FusedParameters weight, Dropout dropout, const parallel::TensorRegion& region = {});

  /// Where the product is complete and nothing is dropped, the GEMM adds the residual. x: [T, in], this rank's part of
  /// the features; residual: [T, out] in the outer form, as is the new tensor that is returned.
  at::Tensor forward(const at::Tensor& x, const at::Tensor& residual, const Batch& batch) const;
  /// Returns the gradient of x.
  at::Tensor backward(const at::Tensor& dy, const at::Tensor& x, const Batch& batch, Saved& saved) const;

 private:
  parallel::FusedParameters weight_;
  Dropout dropout_;
  parallel::TensorRegion region_;
};

}  // namespace baleen::models
