#pragma once
// The gradients of which each rank of the tensor axis has made a part.

#include <vector>

#include "parallel/unit.h"

namespace baleen::parallel {

/// Elements of a unit's buffer, [begin, end).
struct ElementRange {
  std::int64_t begin = 0, end = 0;
  bool operator==(const ElementRange&) const = default;
};

/// Where `within` holds parameters of this placement: ascending, neighbours joined. The same on all tensor ranks.
std::vector<ElementRange> elements_placed(const UnitSpec& spec, const UnitLayout& layout, TensorPlacement::Kind kind,
                                          ElementRange within);

/// Once a step, after the sums over the data axis: sums in unit.gradient() what is replicated_sum over `tensor`, and
/// what is split_groups over `group`, the ranks of `tensor` that hold the same part (one rank where none is shared). At
/// most one sum each, in rank order where the unit's sums are; the same bits on all ranks. Collective over `tensor`.
void sum_over_tensor(Unit& unit, Communicator& tensor, Communicator& group);

}  // namespace baleen::parallel
