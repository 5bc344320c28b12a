#include "kernels/cross_entropy.h"

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

/// Column of each target in this part and whether it is here.
struct LocalTargets {
  at::Tensor column;  // 0 where the target is elsewhere
  at::Tensor here;
};

LocalTargets local_targets(const at::Tensor& targets, VocabularyPart part) {
  const at::Tensor column = targets - part.first;
  const at::Tensor here = column.ge(0).logical_and_(column.lt(part.valid)).logical_and_(targets.ge(0));
  return {column.masked_fill(here.logical_not(), 0).unsqueeze(1), here};
}

}  // namespace

CrossEntropyParts cross_entropy_parts(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part) {
  core::require(has_dense_rows(logits) && part.valid >= 1 && part.valid <= logits.size(1),
                "cross_entropy_parts: logits [C, columns]");
  const at::Tensor valid = logits.narrow(1, 0, part.valid).to(compute_type(logits.scalar_type()));
  const at::Tensor max = valid.amax(1);
  const LocalTargets local = local_targets(targets, part);
  const at::Tensor picked = valid.gather(1, local.column).squeeze(1).masked_fill_(local.here.logical_not(), 0);
  return {max, valid.sub(max.unsqueeze(1)).exp_().sum(1), picked};
}

void cross_entropy_gradient_(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part,
                             const at::Tensor& lse, const at::Tensor& scale, double z_loss) {
  const at::ScalarType type = compute_type(logits.scalar_type());
  at::Tensor valid = logits.narrow(1, 0, part.valid);
  at::Tensor gradient =
      valid.to(type, false, true).sub_(lse.unsqueeze(1)).exp_().mul_((1 + 2 * z_loss * lse).unsqueeze(1));
  const LocalTargets local = local_targets(targets, part);
  gradient.scatter_add_(1, local.column, local.here.to(type).neg().unsqueeze(1));
  gradient.mul_(scale.to(type)).masked_fill_(targets.lt(0).unsqueeze(1), 0);
  valid.copy_(gradient);
  logits.narrow(1, part.valid, logits.size(1) - part.valid).zero_();
}

}  // namespace baleen::kernels
