#pragma once
// Global gradient norm: this rank's part of the sum of squares; the trainer sums it over the ranks that hold other
// parameters.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "kernels/squared_norm.h"
#include "parallel/unit.h"

namespace baleen::optim {

class GradientNorm {
 public:
  /// A parameter that several tensor ranks hold alike counts on the first of them only. `units` must outlive this; tied
  /// weights belong to one of them (models::TransformerStage::trained_units()).
  GradientNorm(const std::vector<parallel::Unit*>& units, int tensor_degree, int tensor_rank);

  /// Goes over all gradients. Asynchronous on a GPU: current stream. Then squared_norm() waits to be summed over the
  /// tensor and pipeline axes (under ZeRO-0 ranks of the data axis hold the same gradients, which count once).
  void compute();

  /// 0-dim fp64, of the gradients as they are (scaled by the loss scale). Rewritten by compute().
  const at::Tensor& squared_norm() const { return squared_norm_; }
  /// 0-dim int32: index (parameter_name) of the first parameter of this rank with a non-finite gradient, or
  /// kernels::kAllFinite.
  const at::Tensor& first_nonfinite() const { return first_nonfinite_; }
  /// Name of the parameter behind an index of first_nonfinite: numbered through the units in order.
  const std::string& parameter_name(std::int32_t index) const;

 private:
  std::vector<parallel::Unit*> units_;
  std::vector<kernels::SegmentTable> tables_;  // one per unit
  std::vector<std::string> names_;
  at::Tensor squared_norm_, first_nonfinite_;
};

}  // namespace baleen::optim
