#pragma once
// The essentials of a run that follow from its configuration alone. No LibTorch.

#include <string>

#include "trainer/config.h"

namespace baleen::planner {

/// What `baleen check` prints: mesh, parameters by class, batch, memory. `config` has no problems.
std::string summarize(const trainer::Config& config, int ranks);

}  // namespace baleen::planner
