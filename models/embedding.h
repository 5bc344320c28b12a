#pragma once
// Token embedding with dropout on its output. Each tensor rank has a part of the vocabulary.

#include "models/dropout.h"
#include "models/module.h"

namespace baleen::models {

class Embedding final : public Module {
 public:
  Embedding(const parallel::Parameter& table, Dropout dropout, const parallel::TensorRegion& region);

  /// tokens: [T] int64. Returns their [T, dim] in the outer form.
  at::Tensor forward(const at::Tensor& tokens, const Batch& batch, Saved& saved) override;
  /// Tokens have no gradient: returns an undefined tensor. Reads the tokens again from `batch`.
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  parallel::FusedParameters table_;
  std::int64_t first_row_;
  Dropout dropout_;
  parallel::TensorRegion region_;
};

}  // namespace baleen::models
