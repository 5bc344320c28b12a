#pragma once
// Section `run`: what a run is called, where it lives, and what makes it repeatable.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::trainer {

struct RunConfig {
  std::string name;  // empty: the configuration file's, without its extension
  std::string dir = "runs";
  std::int64_t seed = 42;
  bool deterministic = false;
};

const core::Section<RunConfig>& run_section();

}  // namespace baleen::trainer
