#pragma once
// Section `numerics`: when a run that has gone wrong stops.

#include <cstdint>

#include "core/config_section.h"

namespace baleen::trainer {

struct NumericsConfig {
  std::int64_t max_bad_steps = 10;
};

const core::Section<NumericsConfig>& numerics_section();

}  // namespace baleen::trainer
