#include "kernels/step_control.h"

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/step_control_launch.h"

namespace baleen::kernels {

void decide_step_(const at::Tensor& state, const StepRules& rules, const at::Tensor& squared_norm,
                  const at::Tensor& first_nonfinite, const at::Tensor& loss, const at::Tensor& learning_rates) {
  core::require(state.nbytes() == sizeof(StepState), "decide_step_: state holds one StepState");
  core::require(squared_norm.numel() == 1 && first_nonfinite.numel() == 1 && loss.numel() == 1,
                "decide_step_: squared_norm, first_nonfinite and loss are single numbers");
  core::require(learning_rates.dim() == 1 && learning_rates.numel() > 0, "decide_step_: learning_rates [steps]");
  auto* s = static_cast<StepState*>(state.data_ptr());
  const auto* norm = squared_norm.const_data_ptr<double>();
  const auto* first = first_nonfinite.const_data_ptr<std::int32_t>();
  const auto* given_loss = loss.const_data_ptr<double>();
  const auto* rates = learning_rates.const_data_ptr<double>();
  if (on_cuda(state)) {
    launch_decide_step(s, rules, norm, first, given_loss, rates, learning_rates.numel(), CudaScope(state).stream());
  } else {
    decide_step(*s, rules, *norm, *given_loss, *first, rates, learning_rates.numel());
  }
}

}  // namespace baleen::kernels
