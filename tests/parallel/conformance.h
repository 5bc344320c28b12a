#pragma once
// What every Communicator must do, checked by all its ranks together. Failures are GoogleTest's.

#include <vector>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// The element types that every implementation of host tensors reduces.
std::vector<at::ScalarType> host_types();
/// Those that NCCL reduces.
std::vector<at::ScalarType> nccl_types();

/// Every operation on every type and size, in place where that is allowed; messages, groups, splits, barriers, and
/// operations waited for in another order than issued. Collective.
void expect_conformance(Communicator& world, at::Device device, const std::vector<at::ScalarType>& types);

/// `count` elements of rank `rank` with rounding at every addition: for comparing bits.
at::Tensor awkward_values(int rank, std::int64_t count, at::ScalarType type);

}  // namespace baleen::parallel
