#pragma once
// A matrix product with a weight and its two gradients: in the compute dtype, or in FP8.
//
// In FP8 each tensor is quantized once: the input in the forward, which leaves its transpose for the weight's gradient;
// the gradient of the output for both gradients; the weight when it is new, by its unit. All are E4M3.

#include <optional>

#include "kernels/fp8_producers.h"
#include "models/batch.h"
#include "models/saved.h"
#include "parallel/gradient.h"

namespace baleen::models {

class Product {
 public:
  /// fp8: the weight's unit keeps it in FP8 by this recipe.
  Product(parallel::FusedParameters weight, std::optional<kernels::Fp8Recipe> fp8)
      : weight_(std::move(weight)), fp8_(fp8) {}

  /// Whether the products of this batch compute in FP8: not where its tokens are no multiple of kFp8Multiple, and not
  /// when generating.
  bool in_fp8(const Batch& batch) const;
  /// Where the kernel that makes an input or a gradient shall note its largest |value| (kernels/abs_max.h), to be
  /// passed on with it; undefined where nobody asks.
  at::Tensor abs_max(const Batch& batch, Saved& saved) const;
  /// What an op that makes an input or a gradient in FP8 itself (kernels/fp8_producers.h) shall make; none in BF16.
  std::optional<kernels::Fp8Form> form(const Batch& batch, Saved& saved) const;
  /// x: [tokens, in], all tokens of the batch. In FP8 `x` itself is not kept.
  Operand operand(at::Tensor x, const Batch& batch, const at::Tensor& abs_max = {}) const;
  /// x weightᵀ (+ bias) (+ residual).
  at::Tensor forward(const Operand& x, const at::Tensor& bias = {}, const at::Tensor& residual = {}) const;
  /// Returns the gradient of x; that of the weight goes to `saved`. x: the operand of the forward.
  at::Tensor backward(const parallel::Gradient& dy, Operand x, Saved& saved) const;
  /// dy as x: both in FP8, or none.
  at::Tensor backward(Operand dy, Operand x, Saved& saved) const;

 private:
  parallel::FusedParameters weight_;
  std::optional<kernels::Fp8Recipe> fp8_;
};

}  // namespace baleen::models
