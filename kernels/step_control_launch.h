#pragma once
// CUDA launcher of step_control.h: pointers on the device, `stream` a cudaStream_t.

#include <cstdint>

#include "kernels/step_state.h"

namespace baleen::kernels {

void launch_decide_step(StepState* state, const StepRules& rules, const double* squared_norm,
                        const std::int32_t* first_nonfinite, const double* loss, const double* learning_rates,
                        std::int64_t steps, void* stream);

}  // namespace baleen::kernels
