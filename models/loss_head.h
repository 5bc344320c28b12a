#pragma once
// The output projection with the cross-entropy loss: one unit whose forward action also makes its gradients, chunk by
// chunk of tokens while their logits live, so that the logits of a whole micro-batch never exist. Each tensor rank has
// a part of the vocabulary and of the logits: only three numbers a token are exchanged.

#include "kernels/cross_entropy.h"
#include "models/module.h"
#include "parallel/tensor_region.h"

namespace baleen::models {

class LossHead final : public Module {
 public:
  struct Options {
    std::int64_t vocab_size = 0;
    double z_loss = 0.0;              // PaLM's penalty z_loss * lse² per token
    std::int64_t chunk_elements = 0;  // most logits alive at once, of this rank
    parallel::TensorRegion region{};
  };
  /// `value` is read, `gradient` written: the same parameter, or the embedding's table and the head's own where they
  /// are tied. loss: 0-dim fp64 on the device; the loss sums of all valid tokens are added to it.
  LossHead(const parallel::Parameter& value, const parallel::Parameter& gradient, const Options& options,
           at::Tensor loss);

  /// x: [T, dim] in the outer form. Training: adds the loss, writes the weight gradient (gradient_beta for the first
  /// chunk) and returns the gradient of x, both times batch.loss_gradient_scale. Evaluating: adds the cross-entropy
  /// alone, without the penalty, so that the result means bits per token; returns an undefined tensor.
  /// Generating: returns the logits of the whole vocabulary, [T, vocab_size] in FP32 (FP64 when computing in FP64).
  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  /// Throws Error(internal): forward has done it.
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  at::Tensor logits(const at::Tensor& x) const;
  void add_loss(const at::Tensor& lse, const at::Tensor& picked, const Batch& batch, const at::Tensor& targets) const;
  std::int64_t chunk_rows(std::int64_t tokens, std::int64_t columns) const;

  parallel::FusedParameters value_, gradient_;
  kernels::VocabularyPart part_;
  Options options_;
  at::Tensor loss_;
};

}  // namespace baleen::models
