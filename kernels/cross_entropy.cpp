#include "kernels/cross_entropy.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "core/error.h"
#include "kernels/cross_entropy_launch.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

/// Column of each target in this part, and whether it is here.
struct LocalTargets {
  at::Tensor column;  // [C, 1], 0 where the target is elsewhere
  at::Tensor here;    // [C]
};

LocalTargets local_targets(const at::Tensor& targets, VocabularyPart part) {
  const at::Tensor column = targets.sub(part.first);
  const at::Tensor here = column.ge(0).logical_and_(column.lt(part.valid)).logical_and_(targets.ge(0));
  return {column.masked_fill(here.logical_not(), 0).unsqueeze(1), here};
}

CrossEntropyParts parts_cpu(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part) {
  const at::Tensor valid = logits.narrow(1, 0, part.valid).to(compute_type(logits.scalar_type()));
  if (part.valid == 0) {
    const at::Tensor none = at::zeros({logits.size(0)}, valid.options());
    return {at::full_like(none, -std::numeric_limits<double>::infinity()), none, none.clone()};
  }
  const at::Tensor max = valid.amax(1);
  const LocalTargets local = local_targets(targets, part);
  const at::Tensor picked = valid.gather(1, local.column).squeeze(1).masked_fill_(local.here.logical_not(), 0);
  return {max, valid.sub(max.unsqueeze(1)).exp_().sum(1), picked};
}

void gradient_cpu(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part, const at::Tensor& lse,
                  const at::Tensor& scale, double z_loss) {
  logits.narrow(1, part.valid, logits.size(1) - part.valid).zero_();
  if (part.valid == 0) return;
  const at::ScalarType type = compute_type(logits.scalar_type());
  at::Tensor valid = logits.narrow(1, 0, part.valid);
  at::Tensor gradient = valid.to(type).sub_(lse.unsqueeze(1)).exp_();  // in place where no conversion is needed
  gradient.mul_(lse.mul(2 * z_loss).add_(1).unsqueeze(1));
  const LocalTargets local = local_targets(targets, part);
  gradient.scatter_add_(1, local.column, local.here.to(type).neg_().unsqueeze(1));
  gradient.mul_(scale.to(type)).masked_fill_(targets.lt(0).unsqueeze(1), 0);
  if (type != logits.scalar_type()) valid.copy_(gradient);
}

void check(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part) {
  core::require(logits.dim() == 2 && has_dense_rows(logits) && part.valid >= 0 && part.valid <= logits.size(1),
                "cross_entropy: logits [C, columns], 0 <= valid <= columns");
  core::require(targets.is_contiguous() && targets.scalar_type() == at::kLong && targets.numel() == logits.size(0),
                "cross_entropy: targets [C] int64");
}

}  // namespace

CrossEntropyParts cross_entropy_parts(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part) {
  check(logits, targets, part);
  if (!on_cuda(logits)) return parts_cpu(logits, targets, part);
  const at::TensorOptions wide = logits.options().dtype(compute_type(logits.scalar_type()));
  const std::int64_t rows = logits.size(0);
  const CrossEntropyParts out{at::empty({rows}, wide), at::empty({rows}, wide), at::empty({rows}, wide)};
  const CrossEntropyPartsArgs args{.logits = logits.const_data_ptr(),
                                   .stride = logits.stride(0),
                                   .targets = targets.const_data_ptr<std::int64_t>(),
                                   .rows = rows,
                                   .valid = part.valid,
                                   .first = part.first,
                                   .max = out.max.mutable_data_ptr(),
                                   .sum = out.sum.mutable_data_ptr(),
                                   .picked = out.picked.mutable_data_ptr()};
  launch_cross_entropy_parts(dtype_of(logits), args, CudaScope(logits).stream());
  return out;
}

void cross_entropy_gradient_(const at::Tensor& logits, const at::Tensor& targets, VocabularyPart part,
                             const at::Tensor& lse, const at::Tensor& scale, double z_loss) {
  check(logits, targets, part);
  core::require(lse.is_contiguous() && lse.scalar_type() == compute_type(logits.scalar_type()) &&
                    lse.numel() == logits.size(0) && scale.scalar_type() == at::kDouble && scale.numel() == 1,
                "cross_entropy_gradient_: lse [C] in the compute type, scale one fp64");
  if (!on_cuda(logits)) return gradient_cpu(logits, targets, part, lse, scale, z_loss);
  const CrossEntropyGradientArgs args{.logits = logits.mutable_data_ptr(),
                                      .stride = logits.stride(0),
                                      .targets = targets.const_data_ptr<std::int64_t>(),
                                      .rows = logits.size(0),
                                      .columns = logits.size(1),
                                      .valid = part.valid,
                                      .first = part.first,
                                      .lse = lse.const_data_ptr(),
                                      .scale = scale.const_data_ptr<double>(),
                                      .z_loss = z_loss};
  launch_cross_entropy_gradient(dtype_of(logits), args, CudaScope(logits).stream());
}

}  // namespace baleen::kernels
