#pragma once
// The sum of a gradient over the ranks of an axis, while it is under way.

#include <ATen/core/Tensor.h>

#include "parallel/communicator.h"

namespace baleen::parallel {

struct ReductionOptions {
  bool to_shard = false;  // ZeRO-1 to 3: each rank needs the sum of its part only (they divide the elements)
  bool in_place = true;   // a shard's sum: in what was written, or else in a tensor of its own
  bool in_rank_order = false;
  /// kBFloat16: each rank's gradient is rounded to it once, and the sum is made in the gradient's own dtype, in rank
  /// order. Otherwise gradients travel as they are.
  at::ScalarType wire = at::kFloat;
};

/// Either the communicator's own reduction; or, where that adds in an order of its own or would add in the
/// wire's dtype, an exchange of blocks all-to-all that each rank adds in rank order.
class GradientReduction {
 public:
  /// Starts. written: flat; not to be touched until finish(), and overwritten where the sum is whole or in place.
  GradientReduction(at::Tensor written, Communicator& ranks, const ReductionOptions& options);

  /// The sum, whole or this rank's shard, ready on the current stream. Whole: what was written. Once.
  at::Tensor finish();

 private:
  void add_received(const at::Tensor& block);

  at::Tensor written_;
  Communicator& ranks_;
  at::Tensor shard_;     // where its sum comes, undefined where the sum is whole
  at::Tensor received_;  // [ranks, block], where blocks are exchanged
  WorkPtr work_;
};

}  // namespace baleen::parallel
