#pragma once
// A Llama as a textbook would write it: plain tensor operations, one sequence and one head at a time, gradients by
// LibTorch's autograd. Shares no code with models/ or kernels/: the oracle of their tests.

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "models/model_config.h"

namespace baleen::tests {

using NamedTensors = std::map<std::string, at::Tensor>;

/// Tokens of packed sequences: sequence s owns [starts[s], starts[s + 1]).
struct ReferenceBatch {
  at::Tensor tokens, targets, positions;  // [T] int64
  std::vector<std::int32_t> starts;
};

class ReferenceLlama {
 public:
  /// parameters: by Hugging Face name, of the true shapes; copied as leaves of `type`.
  ReferenceLlama(models::ModelConfig config, const NamedTensors& parameters, at::ScalarType type = at::kDouble);

  /// [T, vocab_size]
  at::Tensor logits(const ReferenceBatch& batch) const;
  /// Sum over the tokens with a target of cross-entropy + z_loss * log-sum-exp².
  at::Tensor loss(const ReferenceBatch& batch, double z_loss) const;
  /// Of a scalar made from the parameters, by name.
  NamedTensors gradients(const at::Tensor& scalar) const;

 private:
  const at::Tensor& parameter(const std::string& name) const { return parameters_.at(name); }
  at::Tensor norm(const at::Tensor& x, const std::string& name) const;
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;
  at::Tensor rotate(const at::Tensor& head, const at::Tensor& positions) const;
  at::Tensor attention(const at::Tensor& x, const ReferenceBatch& batch, const std::string& prefix) const;
  at::Tensor layer(const at::Tensor& x, const ReferenceBatch& batch, int index) const;

  models::ModelConfig config_;
  at::ScalarType type_;
  NamedTensors parameters_;
};

}  // namespace baleen::tests
