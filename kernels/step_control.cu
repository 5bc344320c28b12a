#include "kernels/cuda_kernel.cuh"
#include "kernels/step_control_launch.h"

namespace baleen::kernels {
namespace {

__global__ void decide_step_kernel(StepState* state, StepRules rules, const double* squared_norm,
                                   const std::int32_t* first_nonfinite, const double* loss,
                                   const double* learning_rates, std::int64_t steps) {
  decide_step(*state, rules, *squared_norm, *loss, *first_nonfinite, learning_rates, steps);
}

}  // namespace

void launch_decide_step(StepState* state, const StepRules& rules, const double* squared_norm,
                        const std::int32_t* first_nonfinite, const double* loss, const double* learning_rates,
                        std::int64_t steps, void* stream) {
  decide_step_kernel<<<1, 1, 0, as_stream(stream)>>>(state, rules, squared_norm, first_nonfinite, loss, learning_rates,
                                                     steps);
  check_launch("step_control");
}

}  // namespace baleen::kernels
