#pragma once
// Section `launch`: what a process of the run computes with.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::trainer {

struct LaunchConfig {
  std::int64_t threads_per_rank = 0;  // 0: the node's cores shared out among its ranks
  std::string device = "auto";        // or "cpu", "cuda"
};

const core::Section<LaunchConfig>& launch_section();

}  // namespace baleen::trainer
