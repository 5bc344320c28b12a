#pragma once
// Learning-rate schedules: pure functions of the optimizer step. No LibTorch.
//
// With step i counted from 0, W = warmup_steps, r = min_lr_ratio, and x the share of the decay that has passed, 0 to 1:
//   warmup    (i + 1) / (W + 1), for i < W: no step is wasted on a rate of zero, i = W is the first at the peak
//   constant  1
//   linear    1 - (1 - r) x
//   cosine    r + (1 - r) (1 + cos(pi x)) / 2, one cycle (Loshchilov & Hutter 2017)
//   wsd       r + (1 - r) (1 - sqrt(x)): warmup, stable, decay; 1 - sqrt is the best decay of Hägele et al. 2024
// linear and cosine: x = (i - W) / D, the decay starts right after the warmup and D is decay_steps (0: up to the end of
// training); later steps stay at r. wsd: x = (i - (steps - D)) / D, the decay takes the last D steps of training (0: a
// tenth).

#include <cstdint>
#include <string>
#include <vector>

#include "optim/lr_scheduler_config.h"

namespace baleen::optim {

/// Why the schedule does not fit into a training of `steps` steps, with the arithmetic and what would; empty where it
/// does.
std::string schedule_problem(const LrSchedulerConfig& config, std::int64_t steps);

/// The learning rate of optimizer step `step` (from 0) in a training of `steps` steps.
double learning_rate(const LrSchedulerConfig& config, double peak, std::int64_t steps, std::int64_t step);

/// All of them. Throws Error(usage) for an unknown name or where there is a schedule_problem().
std::vector<double> learning_rates(const LrSchedulerConfig& config, double peak, std::int64_t steps);

}  // namespace baleen::optim
