#pragma once
// Where each rank of the tensor axis computes with its part of the heads, of the MLP or of the vocabulary (Megatron-LM:
// Shoeybi et al. 2019), and what happens at the borders.
//
// Between regions activations have the outer form: with sequence parallelism (Korthikanti et al. 2022) this rank's own
// [T / ranks, dim], contiguous tokens; else all [T, dim], the same bits on every rank. Inside they are [T, dim], and a
// product is this rank's part of a sum. T is a multiple of the ranks under sequence parallelism.
//
// All functions are collective over the axis. On one rank they return their argument: no copy, no work. Tensors are
// contiguous. On a GPU they follow the current stream and do not block the host.

#include "parallel/communicator.h"

namespace baleen::parallel {

class TensorRegion {
 public:
  /// Of one rank.
  TensorRegion();
  /// `tensor` outlives the region and its copies.
  TensorRegion(Communicator& tensor, bool sequence_parallel);

  /// False also where there is one rank: nothing is split then.
  bool sequence_parallel() const { return sequence_parallel_; }
  /// Whether products inside are whole as they come: then leave() has nothing to add, and the product may be fused with
  /// what follows.
  bool complete() const { return ranks() == 1; }
  /// Rows of the outer form of so many tokens. Throws Error(internal) where they do not split.
  std::int64_t outer_rows(std::int64_t tokens) const;
  /// Index among all tokens of the first of these rows of the outer form.
  std::int64_t first_token(std::int64_t outer_rows) const;

  /// x in the outer form -> [T, dim].
  at::Tensor enter(const at::Tensor& x) const { return all_tokens(x); }
  /// The backward of enter: each rank's part of the gradient, [T, dim], -> the sum in the outer form. May overwrite dx.
  at::Tensor enter_backward(const at::Tensor& dx) const { return sum_to_outer(dx); }
  /// Each rank's part of a product, [T, dim], -> the sum in the outer form. May overwrite y.
  at::Tensor leave(const at::Tensor& y) const { return sum_to_outer(y); }
  /// The backward of leave: dy in the outer form -> [T, dim].
  at::Tensor leave_backward(const at::Tensor& dy) const { return all_tokens(dy); }

  /// [ranks, ...]: `mine` of every rank, in rank order.
  at::Tensor gather(const at::Tensor& mine) const;

 private:
  int ranks() const { return tensor_->size(); }
  at::Tensor all_tokens(const at::Tensor& outer) const;
  at::Tensor sum_to_outer(const at::Tensor& part) const;

  Communicator* tensor_;
  bool sequence_parallel_;
};

}  // namespace baleen::parallel
