#include "parallel/tensor_region.h"

#include <ATen/ops/empty.h>

#include "core/error.h"

namespace baleen::parallel {
namespace {

Communicator& one_rank() {
  static const std::unique_ptr<Communicator> self = make_self_communicator();
  return *self;
}

}  // namespace

TensorRegion::TensorRegion() : TensorRegion(one_rank(), false) {}

TensorRegion::TensorRegion(Communicator& tensor, bool sequence_parallel)
    : tensor_(&tensor), sequence_parallel_(sequence_parallel && tensor.size() > 1) {}

std::int64_t TensorRegion::outer_rows(std::int64_t tokens) const {
  if (!sequence_parallel_) return tokens;
  core::require(tokens % ranks() == 0, "under sequence parallelism tokens are padded to a multiple of the tensor axis");
  return tokens / ranks();
}

std::int64_t TensorRegion::first_token(std::int64_t outer_rows) const {
  return sequence_parallel_ ? tensor_->rank() * outer_rows : 0;
}

at::Tensor TensorRegion::gather(const at::Tensor& mine) const {
  if (complete()) return mine.unsqueeze(0);
  std::vector<std::int64_t> shape = mine.sizes().vec();
  shape.insert(shape.begin(), ranks());
  at::Tensor all = at::empty(shape, mine.options());
  tensor_->all_gather(all, mine)->wait();
  return all;
}

at::Tensor TensorRegion::all_tokens(const at::Tensor& outer) const {
  return sequence_parallel_ ? gather(outer).flatten(0, 1) : outer;
}

at::Tensor TensorRegion::sum_to_outer(const at::Tensor& part) const {
  if (!sequence_parallel_) {
    tensor_->all_reduce(part, ReduceOp::sum)->wait();
    return part;
  }
  std::vector<std::int64_t> shape = part.sizes().vec();
  shape.front() = outer_rows(shape.front());
  at::Tensor sum = at::empty(shape, part.options());
  tensor_->reduce_scatter(sum, part, ReduceOp::sum)->wait();
  return sum;
}

}  // namespace baleen::parallel
