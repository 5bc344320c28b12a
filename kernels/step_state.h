#pragma once
// The decisions of a training step, which live on the compute device so that no step waits for the host: skip or
// update, loss scale, clipping, learning rate. One function for the CPU and the GPU decides. Plain data, no LibTorch.

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace baleen::kernels {

/// Instead of a parameter's index: no parameter has a non-finite gradient.
inline constexpr std::int32_t kAllFinite = INT32_MAX;

/// State of the decisions after a step. Every rank holds the same.
struct StepState {
  // Carried from step to step: what a checkpoint keeps.
  double loss_scale = 1;             // of the next backward
  std::int64_t optimizer_step = 0;   // updates made so far; skipped steps advance neither schedule nor bias correction
  std::int64_t bad_total = 0;        // steps skipped since the run began
  std::int32_t good_streak = 0;      // good steps since the loss scale last changed
  std::int32_t hysteresis_left = 1;  // overflows that the loss scale still bears before it shrinks
  std::int32_t consecutive_bad = 0;  // steps skipped in a row
  std::int32_t bad_at_min = 0;       // of these, the ones that ran at the minimum loss scale

  // Of this step: what the optimizer and the log read.
  std::int32_t skip = 0;                      // 1: the optimizer changes nothing
  std::int32_t first_nonfinite = kAllFinite;  // where a gradient is not finite: optim::GradientNorm::place() reads it
  double used_loss_scale = 1;                 // the loss scale that this step's gradients carry
  double grad_norm = 0;            // of the true gradient (unscaled), before clipping; may be non-finite when skipped
  double gradient_multiplier = 1;  // clip / used_loss_scale: what the optimizer multiplies gradients with
  double lr = 0;                   // of this step
  double loss = 0;                 // as given: here so that one copy to the host brings everything
};

/// How the state moves. Dynamic loss scaling (Micikevicius et al. 2018), hysteresis as Megatron-LM's DynamicGradScaler.
struct StepRules {
  double max_grad_norm = 0;  // 0: no clipping
  double minimum_loss_scale = 1;
  double growth_factor = 2;
  double backoff_factor = 0.5;
  std::int32_t growth_interval = 0;  // good steps until the loss scale grows; 0: it never does
  std::int32_t hysteresis = 1;       // overflows until the loss scale shrinks
};

/// Loss scale, counters and skip flag after a step with finite or non-finite gradients.
BALEEN_HOST_DEVICE void update_loss_scale(StepState& s, const StepRules& rules, bool finite) {
  s.used_loss_scale = s.loss_scale;
  s.skip = finite ? 0 : 1;
  if (finite) {
    s.consecutive_bad = s.bad_at_min = 0;
    if (rules.growth_interval > 0 && ++s.good_streak >= rules.growth_interval) {
      s.good_streak = 0;
      s.hysteresis_left = rules.hysteresis;
      s.loss_scale *= rules.growth_factor;
    }
    return;
  }
  s.good_streak = 0;
  ++s.bad_total;
  ++s.consecutive_bad;
  s.bad_at_min = s.loss_scale <= rules.minimum_loss_scale ? s.bad_at_min + 1 : 0;
  if (--s.hysteresis_left <= 0) {
    s.hysteresis_left = 0;
    const double smaller = s.loss_scale * rules.backoff_factor;
    s.loss_scale = smaller > rules.minimum_loss_scale ? smaller : rules.minimum_loss_scale;
  }
}

/// The whole decision. squared_norm: of the gradients as they are (scaled), over all ranks. loss: finite, or the step
/// is skipped too. learning_rates: [steps] by optimizer step; the last one holds beyond its end.
BALEEN_HOST_DEVICE void decide_step(StepState& s, const StepRules& rules, double squared_norm, double loss,
                                    std::int32_t first_nonfinite, const double* learning_rates, std::int64_t steps) {
  const double infinity = HUGE_VAL;
  const bool finite = squared_norm < infinity && loss > -infinity && loss < infinity;  // false for NaN
  update_loss_scale(s, rules, finite);
  s.loss = loss;
  s.first_nonfinite = first_nonfinite;
  s.grad_norm = sqrt(squared_norm) / s.used_loss_scale;
  s.lr = learning_rates[s.optimizer_step < steps ? s.optimizer_step : steps - 1];
  double clip = 1;
  if (rules.max_grad_norm > 0) {
    const double ratio = rules.max_grad_norm / (s.grad_norm + 1e-6);  // torch.nn.utils.clip_grad_norm_
    clip = ratio < 1 ? ratio : 1;
  }
  s.gradient_multiplier = finite ? clip / s.used_loss_scale : 0;
  if (finite) ++s.optimizer_step;
}

}  // namespace baleen::kernels
