#pragma once
// Section `checkpoint`: when to save and what to keep. No LibTorch.

#include <cstdint>

#include "core/config_section.h"

namespace baleen::checkpoint {

struct CheckpointConfig {
  std::int64_t every = 0;  // steps; 0: only at the end
  int keep = 2;            // newest that stay; 0: all
};

const core::Section<CheckpointConfig>& checkpoint_section();

}  // namespace baleen::checkpoint
