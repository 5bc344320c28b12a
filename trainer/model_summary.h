#pragma once
// The essentials of a run that follow from its configuration alone. No LibTorch.

#include <cstdint>
#include <string>

#include "trainer/config.h"

namespace baleen::trainer {

/// Bytes that every rank holds from the first step to the last, padding included. Activations come on top.
struct StateMemory {
  std::int64_t weights = 0;    // in the compute dtype; 0 where the masters are used in place
  std::int64_t masters = 0;    // in the master dtype
  std::int64_t gradients = 0;  // in the master dtype
  std::int64_t optimizer = 0;  // moments, in the master dtype

  std::int64_t total() const { return weights + masters + gradients + optimizer; }
};

StateMemory state_memory(const Config& config);

/// What `baleen check` prints: mesh, parameters by class, batch, memory. `config` has no problems.
std::string summarize(const Config& config, int ranks);

}  // namespace baleen::trainer
