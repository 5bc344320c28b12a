#include "parallel/parameter.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "core/error.h"

namespace baleen::parallel {

FusedParameters::FusedParameters(std::vector<const Parameter*> parts) : parts_(std::move(parts)) {
  core::require(!parts_.empty(), "a fused group has parameters");
  shape_ = parts_.front()->layout->local_shape;
  for (std::size_t i = 1; i < parts_.size(); ++i) {
    const ParameterLayout& before = *parts_[i - 1]->layout;
    const ParameterLayout& here = *parts_[i]->layout;
    const bool adjacent =
        parts_[i]->gradient_beta == parts_.front()->gradient_beta && here.offset == before.offset + before.elements;
    const bool same_rows =
        std::equal(here.local_shape.begin() + 1, here.local_shape.end(), shape_.begin() + 1, shape_.end());
    core::require(adjacent && same_rows, "fused parameters lie one behind the other and share the row length");
    shape_[0] += here.local_shape[0];
  }
}

std::int64_t FusedParameters::elements() const {
  return std::accumulate(shape_.begin(), shape_.end(), std::int64_t{1}, std::multiplies<>());
}

at::Tensor FusedParameters::joined(const at::Tensor& first) const {
  std::vector<std::int64_t> strides(shape_.size(), 1);
  for (std::size_t i = shape_.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * shape_[i];
  return first.as_strided(shape_, strides);
}

at::Tensor FusedParameters::value() const {
  return joined(parts_.front()->value);
}
at::Tensor FusedParameters::grad() const {
  return joined(parts_.front()->grad);
}

}  // namespace baleen::parallel
