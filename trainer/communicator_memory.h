#pragma once
// What communicators take of a GPU beside LibTorch's allocator, measured beside planned.

#include <string>
#include <vector>

#include "parallel/mesh.h"

namespace baleen::trainer {

/// One line for people: the sum, each communicator, and what `baleen plan` counts where it has a table of this device.
std::string describe(const std::vector<parallel::CommunicatorMemory>& memory, const std::string& device_name);

}  // namespace baleen::trainer
