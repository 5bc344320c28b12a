#include "parallel/unit_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace baleen::parallel {
namespace {

std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/// Into how many parts a parameter is cut over the tensor axis, and along which dim.
int parts_of(const TensorPlacement& placement, int tensor_degree) {
  switch (placement.kind) {
    case TensorPlacement::Kind::split:
      return tensor_degree;
    case TensorPlacement::Kind::split_groups:
      return std::min(placement.groups, tensor_degree);
    case TensorPlacement::Kind::replicated:
    case TensorPlacement::Kind::replicated_sum:
      return 1;
  }
  return 1;
}

ParameterLayout place(const ParameterSpec& spec, int tensor_degree, int tensor_rank) {
  ParameterLayout layout;
  layout.local_shape = spec.shape;
  const int parts = parts_of(spec.tensor, tensor_degree);
  layout.local_shape[0] = spec.rows(parts);
  if (parts > 1) {
    const int dim = spec.tensor.dim;
    core::require(dim == 0 || (dim == 1 && spec.shape.size() > 1), "a parameter is split along dim 0 or 1");
    std::int64_t& length = layout.local_shape[static_cast<std::size_t>(dim)];
    if (length % parts != 0 || tensor_degree % parts != 0)
      throw core::Error(core::ExitCode::usage,
                        fmt::format("{}: dim {} has {} elements, which do not split over {} tensor-parallel ranks",
                                    spec.name, dim, length, tensor_degree),
                        "choose a parallelism.tensor that divides it");
    length /= parts;
    const int part = tensor_rank / (tensor_degree / parts);
    (dim == 0 ? layout.first_row : layout.first_column) = part * length;
  }
  layout.elements = 1;
  for (const std::int64_t length : layout.local_shape) layout.elements *= length;
  return layout;
}

}  // namespace

UnitLayout layout_unit(const UnitSpec& spec, int tensor_degree, int tensor_rank, int shards) {
  UnitLayout unit;
  unit.shards = shards;
  for (const ParameterSpec& parameter : spec.parameters) {
    ParameterLayout layout = place(parameter, tensor_degree, tensor_rank);
    core::require(!parameter.fused_with_previous || !unit.parameters.empty(), "the first parameter follows no other");
    layout.offset = parameter.fused_with_previous ? unit.elements : round_up(unit.elements, kAlignment);
    unit.elements = layout.offset + layout.elements;
    unit.parameters.push_back(std::move(layout));
  }
  unit.elements = round_up(unit.elements, kAlignment * shards);
  return unit;
}

bool holds_first(const TensorPlacement& placement, int tensor_degree, int tensor_rank) {
  return tensor_rank % (tensor_degree / parts_of(placement, tensor_degree)) == 0;
}

}  // namespace baleen::parallel
