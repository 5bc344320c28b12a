#include "parallel/gradient_reduction.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

namespace baleen::parallel {
namespace {

at::Tensor shard_of(const at::Tensor& whole, const Communicator& ranks) {
  const std::int64_t elements = whole.numel() / ranks.size();
  return whole.narrow(0, ranks.rank() * elements, elements);
}

/// Filled up to equal blocks for all ranks; mostly it is whole blocks already.
at::Tensor in_blocks(const at::Tensor& flat, int ranks) {
  const std::int64_t rest = flat.numel() % ranks;
  return rest == 0 ? flat : at::constant_pad_nd(flat, {0, ranks - rest});
}

}  // namespace

GradientReduction::GradientReduction(at::Tensor written, Communicator& ranks, const ReductionOptions& options)
    : written_(std::move(written)), ranks_(ranks) {
  if (options.to_shard) {
    const at::Tensor part = shard_of(written_, ranks);
    shard_ = options.in_place ? part : at::empty_like(part);
  }
  const bool rounded = options.wire == at::kBFloat16;
  const bool exchange = rounded || (options.in_rank_order && !ranks.sums_in_rank_order());
  if (ranks.size() > 1 && exchange) {
    const at::Tensor sent = in_blocks(rounded ? written_.to(options.wire) : written_, ranks.size());
    received_ = at::empty({ranks.size(), sent.numel() / ranks.size()}, sent.options());
    work_ = ranks.all_to_all(received_.view(-1), sent);
  } else if (shard_.defined()) {
    work_ = ranks.reduce_scatter(shard_, written_, ReduceOp::sum);
  } else {
    work_ = ranks.all_reduce(written_, ReduceOp::sum);
  }
}

at::Tensor GradientReduction::finish() {
  work_->wait();
  if (received_.defined() && shard_.defined()) {
    add_received(shard_);
  } else if (received_.defined()) {
    const at::Tensor whole = in_blocks(written_, ranks_.size());
    const at::Tensor block = shard_of(whole, ranks_);
    add_received(block);
    ranks_.all_gather(whole, block)->wait();
    if (!whole.is_same(written_)) written_.copy_(whole.narrow(0, 0, written_.numel()));
  }
  return shard_.defined() ? shard_ : written_;
}

void GradientReduction::add_received(const at::Tensor& block) {
  block.copy_(received_[0]);
  for (int rank = 1; rank < ranks_.size(); ++rank) block.add_(received_[rank]);
  received_.reset();
}

}  // namespace baleen::parallel
