#pragma once
// Section `lr_scheduler`: the learning rate over the steps (optim/lr_schedule.h has the formulas). No LibTorch.

#include <cstdint>
#include <string>

#include "core/config_section.h"

namespace baleen::optim {

struct LrSchedulerConfig {
  std::string name = "cosine";  // or "constant", "linear", "wsd"
  std::int64_t warmup_steps = 0;
  std::int64_t decay_steps = 0;  // 0: cosine, linear: all after the warmup; wsd: the last tenth of the training
  double min_lr_ratio = 0.0;     // of the peak, at the end of the decay
};

const core::Section<LrSchedulerConfig>& lr_scheduler_section();

}  // namespace baleen::optim
