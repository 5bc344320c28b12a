#include "optim/lr_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace baleen::optim {
namespace {

struct Decay {
  std::int64_t begin = 0;  // first step that decays
  std::int64_t steps = 1;
};

Decay decay_of(const LrSchedulerConfig& config, std::int64_t steps) {
  if (config.name == "wsd") {
    const std::int64_t decay = config.decay_steps ? config.decay_steps : std::max<std::int64_t>(1, steps / 10);
    return {steps - decay, decay};
  }
  const std::int64_t rest = std::max<std::int64_t>(1, steps - config.warmup_steps);
  return {config.warmup_steps, config.decay_steps ? config.decay_steps : rest};
}

double shape(const std::string& name, double x) {
  if (name == "constant") return 1;
  if (name == "linear") return 1 - x;
  if (name == "cosine") return (1 + std::cos(std::numbers::pi * x)) / 2;
  if (name == "wsd") return 1 - std::sqrt(x);
  throw core::Error(core::ExitCode::usage, fmt::format("lr_scheduler.name = \"{}\" is not known", name),
                    "use constant, cosine, linear or wsd");
}

/// As overrides: the shorter decay, or where the warmup leaves it no step, the shorter warmup.
std::string largest_that_fits(std::int64_t warmup, std::int64_t decay, std::int64_t steps) {
  if (decay > 0 && warmup < steps) return fmt::format("lr_scheduler.decay_steps={}", steps - warmup);
  if (decay < steps) return fmt::format("lr_scheduler.warmup_steps={}", steps - decay);
  return fmt::format("lr_scheduler.warmup_steps=0 lr_scheduler.decay_steps={}", steps);
}

}  // namespace

std::string schedule_problem(const LrSchedulerConfig& config, std::int64_t steps) {
  const std::int64_t warmup = config.warmup_steps;
  const bool decays_last = config.name == "wsd";  // elsewhere a decay may end beyond the training
  const std::int64_t decay = decays_last ? decay_of(config, steps).steps : 0;
  if (warmup + decay <= steps) return "";
  const std::string fits = "the most that fits: " + largest_that_fits(warmup, decay, steps);
  if (warmup > steps)
    return fmt::format("lr_scheduler.warmup_steps ({}) is more than training.steps ({}); {}", warmup, steps, fits);
  const std::string origin = config.decay_steps ? "" : ", unset: a tenth of the training";
  return fmt::format("lr_scheduler.warmup_steps ({}) + decay_steps ({}{}) = {}, more than training.steps ({}); {}",
                     warmup, decay, origin, warmup + decay, steps, fits);
}

double learning_rate(const LrSchedulerConfig& config, double peak, std::int64_t steps, std::int64_t step) {
  if (step < config.warmup_steps) {
    return peak * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps + 1);
  }
  if (config.name == "constant") return peak;
  const Decay decay = decay_of(config, steps);
  const double passed = static_cast<double>(step - decay.begin) / static_cast<double>(decay.steps);
  const double x = std::clamp(passed, 0.0, 1.0);
  return peak * (config.min_lr_ratio + (1 - config.min_lr_ratio) * shape(config.name, x));
}

std::vector<double> learning_rates(const LrSchedulerConfig& config, double peak, std::int64_t steps) {
  if (const std::string problem = schedule_problem(config, steps); !problem.empty())
    throw core::Error(core::ExitCode::usage, problem, "shorten the warmup or the decay, or train longer");
  shape(config.name, 0);  // throws for an unknown name
  std::vector<double> rates(static_cast<std::size_t>(steps));
  for (std::int64_t step = 0; step < steps; ++step) {
    rates[static_cast<std::size_t>(step)] = learning_rate(config, peak, steps, step);
  }
  return rates;
}

}  // namespace baleen::optim
