#include "parallel/tensor_gradients.h"

#include <ATen/ops/cat.h>

#include <algorithm>

namespace baleen::parallel {
namespace {

/// Several ranges travel as one copy: most are vectors, and one collective costs more than copying them.
void sum(const at::Tensor& gradient, std::int64_t begin, const std::vector<ElementRange>& ranges,
         Communicator& communicator) {
  if (ranges.empty() || communicator.size() == 1) return;
  std::vector<at::Tensor> parts;
  parts.reserve(ranges.size());
  for (const ElementRange& range : ranges)
    parts.push_back(gradient.narrow(0, range.begin - begin, range.end - range.begin));
  if (parts.size() == 1) return communicator.all_reduce(parts.front(), ReduceOp::sum)->wait();

  const at::Tensor packed = at::cat(parts);
  communicator.all_reduce(packed, ReduceOp::sum)->wait();
  std::int64_t at = 0;
  for (const at::Tensor& part : parts) {
    part.copy_(packed.narrow(0, at, part.numel()));
    at += part.numel();
  }
}

}  // namespace

std::vector<ElementRange> elements_placed(const UnitSpec& spec, const UnitLayout& layout, TensorPlacement::Kind kind,
                                          ElementRange within) {
  std::vector<ElementRange> ranges;
  for (std::size_t i = 0; i < spec.parameters.size(); ++i) {
    if (spec.parameters[i].tensor.kind != kind) continue;
    const ParameterLayout& at = layout.parameters[i];
    const ElementRange here{std::max(within.begin, at.offset), std::min(within.end, at.offset + at.elements)};
    if (here.begin >= here.end) continue;
    if (!ranges.empty() && ranges.back().end == here.begin) {
      ranges.back().end = here.end;
    } else {
      ranges.push_back(here);
    }
  }
  return ranges;
}

void sum_over_tensor(Unit& unit, Communicator& tensor, Communicator& group) {
  using Kind = TensorPlacement::Kind;
  const at::Tensor& gradient = unit.gradient();
  const std::int64_t begin = unit.shard_begin();
  const ElementRange held{begin, begin + gradient.numel()};
  const auto placed = [&](Kind kind) { return elements_placed(unit.spec(), unit.layout(), kind, held); };
  sum(gradient, begin, placed(Kind::replicated_sum), tensor);
  sum(gradient, begin, placed(Kind::split_groups), group);
}

}  // namespace baleen::parallel
