#pragma once
// Section `metrics`: what is told on the way.

#include <cstdint>

#include "core/config_section.h"

namespace baleen::trainer {

struct MetricsConfig {
  std::int64_t log_every = 10;  // steps
  std::int64_t trace_step = 0;  // counted from 1; 0: none
};

const core::Section<MetricsConfig>& metrics_section();

}  // namespace baleen::trainer
