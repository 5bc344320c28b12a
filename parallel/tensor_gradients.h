#pragma once
// The gradients of which each rank of the tensor axis has made a part.

#include "parallel/placed_elements.h"
#include "parallel/unit.h"

namespace baleen::parallel {

/// Once a step, after the sums over the data axis: sums in unit.gradient() what is replicated_sum over `tensor`, and
/// what is split_groups over `group`, the ranks of `tensor` that hold the same part (one rank where none is shared). At
/// most one sum each, in rank order where the unit's sums are; the same bits on all ranks. Collective over `tensor`.
void sum_over_tensor(Unit& unit, Communicator& tensor, Communicator& group);

}  // namespace baleen::parallel
