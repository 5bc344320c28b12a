#pragma once
// Decides a training step on the device: kernels/step_state.h says how.

#include <ATen/core/Tensor.h>

#include "kernels/step_state.h"

namespace baleen::kernels {

/// Steps `state` in place, on the current stream, without a host synchronisation.
/// state: [sizeof(StepState)] uint8, holds one StepState. squared_norm: 0-dim fp64, the sum of squares of all gradients
/// over all ranks, as they are (scaled by the loss scale). first_nonfinite: 0-dim int32 as squared_norm_() leaves it.
/// loss: 0-dim fp64, unscaled, recorded; non-finite: the step is skipped. learning_rates: [steps] fp64. All on one
/// device.
void decide_step_(const at::Tensor& state, const StepRules& rules, const at::Tensor& squared_norm,
                  const at::Tensor& first_nonfinite, const at::Tensor& loss, const at::Tensor& learning_rates);

}  // namespace baleen::kernels
