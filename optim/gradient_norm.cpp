#include "optim/gradient_norm.h"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"

namespace baleen::optim {

GradientNorm::GradientNorm(const std::vector<parallel::Unit*>& units, int tensor_degree, int tensor_rank)
    : units_(units) {
  core::require(!units.empty(), "a gradient norm needs units");
  const at::Device device = units.front()->gradient().device();
  for (const parallel::Unit* unit : units) {
    core::require(unit->gradient().numel() == unit->layout().elements, "gradients are whole on every rank");
    std::vector<kernels::Segment> segments;
    for (std::size_t i = 0; i < unit->spec().parameters.size(); ++i) {
      const parallel::ParameterLayout& layout = unit->layout().parameters[i];
      const auto index = static_cast<std::int32_t>(names_.size());
      names_.push_back(unit->spec().parameters[i].name);
      if (parallel::holds_first(unit->spec().parameters[i].tensor, tensor_degree, tensor_rank)) {
        segments.push_back({layout.offset, layout.elements, index});
      }
    }
    tables_.push_back(kernels::make_segment_table(segments, device));
  }
  squared_norm_ = at::zeros({}, at::TensorOptions(device).dtype(at::kDouble));
  first_nonfinite_ = at::full({}, kernels::kAllFinite, at::TensorOptions(device).dtype(at::kInt));
}

void GradientNorm::compute() {
  squared_norm_.zero_();
  first_nonfinite_.fill_(kernels::kAllFinite);
  for (std::size_t i = 0; i < units_.size(); ++i) {
    kernels::squared_norm_(units_[i]->gradient(), tables_[i], squared_norm_, first_nonfinite_);
  }
}

const std::string& GradientNorm::parameter_name(std::int32_t index) const {
  core::require(index >= 0 && index < static_cast<std::int32_t>(names_.size()), "the index is of a parameter");
  return names_[static_cast<std::size_t>(index)];
}

}  // namespace baleen::optim
