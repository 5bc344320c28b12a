#pragma once
// A parameter with its numbers, as modules see it: views into the buffers of its unit (parallel/unit.h).

#include <ATen/core/Tensor.h>

#include <vector>

#include "kernels/fp8.h"
#include "parallel/unit_layout.h"

namespace baleen::parallel {

/// One parameter of a unit: views into the unit's buffers, of the local shape (padding rows included).
struct Parameter {
  const ParameterSpec* spec = nullptr;
  const ParameterLayout* layout = nullptr;
  at::Tensor value;                       // compute dtype; defined while the unit is gathered
  at::Tensor grad;                        // the target of the weight part of the backward, from begin_gradient() on
  const double* gradient_beta = nullptr;  // 0: overwrite the target, 1: add to it
  at::ScalarType gradient_type = at::kFloat;
  kernels::Fp8Matrix fp8;  // Unit::keep_in_fp8(): of the matrix that begins with this parameter; there as `value` is
};

/// Adjacent parameters of one unit read as one matrix of rows on rows: q, k, v; gate, up. One parameter is such a group
/// too.
class FusedParameters {
 public:
  /// `parts` lie one behind the other without a gap and share the row length. Throws Error(internal) otherwise.
  explicit FusedParameters(std::vector<const Parameter*> parts);
  at::Tensor value() const;
  at::Tensor grad() const;
  /// The values once more; undefined where the unit does not keep them.
  const kernels::Fp8Matrix& fp8() const { return parts_.front()->fp8; }
  double gradient_beta() const { return *parts_.front()->gradient_beta; }
  at::ScalarType gradient_type() const { return parts_.front()->gradient_type; }
  const std::vector<const Parameter*>& parts() const { return parts_; }
  /// Of the matrix on this rank.
  const std::vector<std::int64_t>& shape() const { return shape_; }
  std::int64_t elements() const;

 private:
  at::Tensor joined(const at::Tensor& first) const;
  std::vector<const Parameter*> parts_;
  std::vector<std::int64_t> shape_;
};

}  // namespace baleen::parallel
