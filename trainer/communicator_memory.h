#pragma once
// What communicators take of a GPU beside LibTorch's allocator, measured beside planned.

#include <optional>
#include <string>
#include <vector>

#include "parallel/mesh.h"

namespace baleen::trainer {

/// One line for people: the sum, each communicator, and what was planned for all of them.
std::string describe(const std::vector<parallel::CommunicatorMemory>& memory, std::optional<double> planned_gib);

}  // namespace baleen::trainer
