#include "parallel/tensor_gradients.h"

#include <ATen/ops/cat.h>

namespace baleen::parallel {
namespace {

/// Several ranges travel as one copy: most are vectors, and one collective costs more than copying them.
void sum(const Unit& unit, const std::vector<ElementRange>& ranges, Communicator& ranks) {
  if (ranges.empty() || ranks.size() == 1) return;
  const auto add = [&](const at::Tensor& part) {
    GradientReduction(part, ranks, {.in_rank_order = unit.options().ordered_sums}).finish();
  };
  std::vector<at::Tensor> parts;
  parts.reserve(ranges.size());
  for (const ElementRange& range : ranges)
    parts.push_back(unit.gradient().narrow(0, range.begin - unit.shard_begin(), range.end - range.begin));
  if (parts.size() == 1) return add(parts.front());

  const at::Tensor packed = at::cat(parts);
  add(packed);
  std::int64_t at = 0;
  for (const at::Tensor& part : parts) {
    part.copy_(packed.narrow(0, at, part.numel()));
    at += part.numel();
  }
}

}  // namespace

void sum_over_tensor(Unit& unit, Communicator& tensor, Communicator& group) {
  using Kind = TensorPlacement::Kind;
  const ElementRange held{unit.shard_begin(), unit.shard_begin() + unit.gradient().numel()};
  const auto placed = [&](Kind kind) { return elements_placed(unit.spec(), unit.layout(), kind, held); };
  sum(unit, placed(Kind::replicated_sum), tensor);
  sum(unit, placed(Kind::split_groups), group);
}

}  // namespace baleen::parallel
