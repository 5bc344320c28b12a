#pragma once
// The matrix products of a layer together with what their backward registers. Over the tensor axis the first product of
// a branch is cut by the rows of its weight, the last one by the columns, so that only the ends of a branch communicate
// (parallel/tensor_region.h); its `region` says what that costs.

#include <optional>

#include "models/dropout.h"
#include "models/norm.h"
#include "models/product.h"

namespace baleen::models {

/// The product that begins a branch: y = x weightᵀ (+ bias); weight and bias may be several parameters that one GEMM
/// reads as one (q, k, v; gate, up).
class Linear {
 public:
  explicit Linear(Product product, std::optional<parallel::FusedParameters> bias = std::nullopt,
                  const parallel::TensorRegion& region = {});

  /// Of the gradient of the output: Product's.
  at::Tensor abs_max(const Batch& batch, Saved& saved) const { return product_.abs_max(batch, saved); }
  std::optional<kernels::Fp8Form> form(const Batch& batch, Saved& saved) const { return product_.form(batch, saved); }
  /// norm(x) as forward and backward read it. x: [T, in] in the outer form. In FP8 it is of all tokens, and they are
  /// gathered once, as BF16; else backward gathers anew what has tokens of its own, which is cheaper than to keep them
  /// all.
  Norm::Result normed(const Norm& norm, const at::Tensor& x, const Batch& batch, Saved& saved) const;
  /// Returns a new [T, out]: this rank's part of the features.
  at::Tensor forward(const Operand& x) const;
  /// Returns the gradient of x in the outer form. The weight part goes to `saved`.
  at::Tensor backward(const Gradient& dy, Operand x, Saved& saved) const;
  /// dy as x: both in FP8, or none. Without bias.
  at::Tensor backward(Operand dy, Operand x, Saved& saved) const;

 private:
  Operand entered(Operand x) const;

  Product product_;
  std::optional<parallel::FusedParameters> bias_;
  parallel::TensorRegion region_;
};

/// The product that ends a residual branch: y = residual + dropout(x weightᵀ). The gradient of the residual is dy
/// itself.
class ResidualLinear {
 public:
  ResidualLinear(Product product, Dropout dropout, const parallel::TensorRegion& region = {});

  /// x: [T, in], this rank's part of the features, as forward and backward read it.
  Operand operand(at::Tensor x, const Batch& batch) const { return product_.operand(std::move(x), batch); }
  std::optional<kernels::Fp8Form> form(const Batch& batch, Saved& saved) const { return product_.form(batch, saved); }
  bool in_fp8(const Batch& batch) const { return product_.in_fp8(batch); }
  /// Where the product is complete and nothing is dropped, the GEMM adds the residual. residual: [T, out] in the outer
  /// form, as is the new tensor that is returned.
  at::Tensor forward(const Operand& x, const at::Tensor& residual, const Batch& batch) const;
  /// Returns the gradient of x.
  at::Tensor backward(const Gradient& dy, Operand x, const Batch& batch, Saved& saved) const;

 private:
  Product product_;
  Dropout dropout_;
  parallel::TensorRegion region_;
};

}  // namespace baleen::models
