#include "models/loss_head.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/gemm.h"

namespace baleen::models {
namespace {

/// Those of the whole vocabulary, the same bits on every rank: one collective.
kernels::CrossEntropyParts joined(const kernels::CrossEntropyParts& mine, const parallel::TensorRegion& region) {
  if (region.complete()) return mine;
  const at::Tensor all = region.gather(at::stack({mine.max, mine.sum, mine.picked}));  // [ranks, 3, C]
  const at::Tensor maxima = all.select(1, 0), sums = all.select(1, 1), picked = all.select(1, 2);
  const at::Tensor max = maxima.amax(0);
  return {max, maxima.sub(max).exp_().mul_(sums).sum(0), picked.sum(0)};
}

at::Tensor log_sum_exp(const kernels::CrossEntropyParts& parts) {
  return parts.sum.log().add_(parts.max);
}

}  // namespace

LossHead::LossHead(const parallel::Parameter& value, const parallel::Parameter& gradient, const Options& options,
                   at::Tensor loss)
    : value_({&value}), gradient_({&gradient}), options_(options), loss_(std::move(loss)) {
  part_.first = value.layout->first_row;
  part_.valid = std::clamp<std::int64_t>(options.vocab_size - part_.first, 0, value.layout->local_shape[0]);
}

at::Tensor LossHead::logits(const at::Tensor& x) const {
  const at::Tensor parts = options_.region.gather(kernels::linear(x, value_.value()));  // [ranks, T, columns]
  const at::Tensor padded = parts.transpose(0, 1).flatten(1);
  return padded.narrow(1, 0, options_.vocab_size).to(padded.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

void LossHead::add_loss(const at::Tensor& lse, const at::Tensor& picked, const Batch& batch,
                        const at::Tensor& targets) const {
  at::Tensor terms = lse - picked;
  if (batch.mode == Mode::train && options_.z_loss != 0.0) terms.addcmul_(lse, lse, options_.z_loss);
  loss_.add_(terms.masked_fill_(targets.lt(0), 0.0).sum(at::kDouble));
}

std::int64_t LossHead::chunk_rows(std::int64_t tokens, std::int64_t columns) const {
  const std::int64_t most = std::max<std::int64_t>(1, options_.chunk_elements / columns);
  const std::int64_t chunks = std::max<std::int64_t>(1, (tokens + most - 1) / most);
  return (tokens + chunks - 1) / chunks;
}

at::Tensor LossHead::forward(const at::Tensor& outer, const Batch& batch, Saved&) {
  const at::Tensor x = options_.region.enter(outer);
  if (batch.mode == Mode::generate) return logits(x);

  const at::Tensor weight = value_.value();
  const std::int64_t tokens = x.size(0), rows = chunk_rows(tokens, weight.size(0));
  double beta = gradient_.gradient_beta();
  std::vector<at::Tensor> dx;
  for (std::int64_t begin = 0; begin < tokens; begin += rows) {
    const std::int64_t count = std::min(rows, tokens - begin);
    const at::Tensor inputs = x.narrow(0, begin, count), targets = batch.targets.narrow(0, begin, count);
    const at::Tensor scores = kernels::linear(inputs, weight);
    const kernels::CrossEntropyParts parts =
        joined(kernels::cross_entropy_parts(scores, targets, part_), options_.region);
    const at::Tensor lse = log_sum_exp(parts);
    add_loss(lse, parts.picked, batch, targets);
    if (batch.mode != Mode::train) continue;

    kernels::cross_entropy_gradient_(scores, targets, part_, lse, batch.loss_gradient_scale, options_.z_loss);
    dx.push_back(kernels::linear_input_gradient(scores, weight));
    kernels::linear_weight_gradient(scores, inputs, gradient_.grad(), beta);
    beta = 1.0;
  }
  if (dx.empty()) return {};
  return options_.region.enter_backward(dx.size() == 1 ? dx.front() : at::cat(dx));
}

Gradient LossHead::backward(const Gradient&, const Batch&, Saved&) {
  throw core::Error(core::ExitCode::internal, "internal error: the head has made its gradients in its forward",
                    "report this with the run's log");
}

}  // namespace baleen::models
