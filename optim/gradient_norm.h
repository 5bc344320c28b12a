#pragma once
// The squared norm of the whole gradient, over all ranks of a mesh and under any layout.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "kernels/squared_norm.h"
#include "parallel/mesh.h"
#include "parallel/unit.h"

namespace baleen::optim {

class GradientNorm {
 public:
  struct Place {
    const std::string& parameter;
    int rank = 0;  // of the world: it holds the sum, whichever rank's part of it went wrong
  };

  /// `units`: those that this rank trains, which must outlive this, as must `mesh`. `names`: all parameters of the
  /// model, in its order; the same on every rank.
  /// deterministic: the bits depend on no layout that gives the same gradients (kernels/exact_squares.h); otherwise
  /// plain FP64 sums.
  GradientNorm(const std::vector<parallel::Unit*>& units, std::vector<std::string> names, parallel::Mesh& mesh,
               bool deterministic);

  /// Collective over the mesh. Every element counts once: where ranks hold the same ones (replicas, the data axis
  /// under ZeRO-0, tensor ranks with a replicated parameter) one of them counts it, and a tied parameter's gradient
  /// has been added to the other's, which counts. Asynchronous on a GPU: current stream.
  void compute();

  /// 0-dim fp64, the same on all ranks, of the gradients as they are (scaled by the loss scale). Rewritten by
  /// compute().
  const at::Tensor& squared_norm() const { return squared_norm_; }
  /// 0-dim int32, the same on all ranks: what place() reads, or kernels::kAllFinite.
  const at::Tensor& first_nonfinite() const { return first_nonfinite_; }
  /// The first parameter in the model's order with a gradient that is not finite, and the first rank that counts such
  /// an element of it.
  Place place(std::int32_t first_nonfinite) const;

 private:
  /// What this rank counts of a unit's gradient.
  std::vector<kernels::Segment> segments(const parallel::Unit& unit) const;

  std::vector<parallel::Unit*> units_;
  std::vector<std::string> names_;
  parallel::Mesh& mesh_;
  bool deterministic_;
  std::vector<kernels::SegmentTable> tables_;  // one per unit
  at::Tensor squared_norm_, first_nonfinite_;
  at::Tensor sums_;  // what ranks add up: bins of kernels/exact_squares.h, or the squared norm itself
};

}  // namespace baleen::optim
