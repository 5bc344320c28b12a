#include "parallel/gradient_reduction.h"

#include <ATen/ops/empty.h>

namespace baleen::parallel {
namespace {

at::Tensor shard_of(const at::Tensor& whole, const Communicator& ranks) {
  const std::int64_t elements = whole.numel() / ranks.size();
  return whole.narrow(0, ranks.rank() * elements, elements);
}

}  // namespace

GradientReduction::GradientReduction(at::Tensor written, Communicator& ranks, const ReductionOptions& options)
    : written_(std::move(written)), ranks_(ranks), to_shard_(options.to_shard) {
  const bool rounded = options.wire == at::kBFloat16;
  const bool exchange = rounded || (options.in_rank_order && !ranks.sums_in_rank_order());
  if (ranks.size() > 1 && exchange) {
    const at::Tensor sent = rounded ? written_.to(options.wire) : written_;
    received_ = at::empty({ranks.size(), written_.numel() / ranks.size()}, sent.options());
    work_ = ranks.all_to_all(received_.view(-1), sent);
  } else if (to_shard_) {
    work_ = ranks.reduce_scatter(shard_of(written_, ranks), written_, ReduceOp::sum);
  } else {
    work_ = ranks.all_reduce(written_, ReduceOp::sum);
  }
}

at::Tensor GradientReduction::finish() {
  work_->wait();
  at::Tensor shard = shard_of(written_, ranks_);
  if (received_.defined()) {
    shard.copy_(received_[0]);
    for (int rank = 1; rank < ranks_.size(); ++rank) shard.add_(received_[rank]);
    received_.reset();
    if (!to_shard_) ranks_.all_gather(written_, shard)->wait();
  }
  return to_shard_ ? shard : written_;
}

}  // namespace baleen::parallel
