#pragma once
// Section `optimizer`: how parameters follow their gradients. No LibTorch.

#include <array>
#include <string>

#include "core/config_section.h"

namespace baleen::optim {

struct OptimizerConfig {
  std::string name = "adamw";  // or "sgd"
  double lr = 3e-4;            // the peak of the schedule
  std::array<double, 2> betas = {0.9, 0.95};
  double eps = 1e-8;
  double momentum = 0.9;
  double weight_decay = 0.1;   // decoupled; none on norms and biases
  double max_grad_norm = 1.0;  // 0: no clipping
};

const core::Section<OptimizerConfig>& optimizer_section();

}  // namespace baleen::optim
