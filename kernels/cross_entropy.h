#pragma once
// Cross-entropy over a vocabulary of which this rank may hold a part: local parts first, models/ joins them over ranks,
// then the gradient from the joined log-sum-exp. Logits are never whole: callers go through the tokens in chunks.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// Rows of the logits: which vocabulary ids their columns are.
struct VocabularyPart {
  std::int64_t first = 0;  // id of column 0
  std::int64_t valid = 0;  // columns that are real ids, none in a part of padding; the rest counts as minus infinity
};

struct CrossEntropyParts {
  at::Tensor max;     // [C] of this part's valid columns; minus infinity where there are none
  at::Tensor sum;     // [C] sum of exp(logit - max)
  at::Tensor picked;  // [C] the target's logit, 0 where it lies in another part or is to be ignored
};

/// logits: [C, columns]; targets: [C] int64, negative: ignored. All parts fp32 (fp64 where logits are).
CrossEntropyParts cross_entropy_parts(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part);

/// logits become their own gradient: scale * ((1 + 2 z_loss lse) softmax - onehot), zero in ignored rows and padding.
/// lse: [C] log-sum-exp over the whole vocabulary; scale: 0-dim fp64 on logits' device.
/// z_loss (PaLM, Chowdhery et al. 2022): the loss has an extra z_loss * lse² per token.
void cross_entropy_gradient_(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part,
                             const at::Tensor& lse, const at::Tensor& scale, double z_loss);

}  // namespace baleen::kernels
