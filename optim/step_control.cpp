#include "optim/step_control.h"

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "kernels/step_control.h"

namespace baleen::optim {
namespace {

constexpr auto kStateBytes = static_cast<std::int64_t>(sizeof(kernels::StepState));

at::Tensor host_bytes(bool pinned) {
  return at::empty({kStateBytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(pinned));
}

StepReport report_of(const at::Tensor& host) {
  StepReport report;
  std::memcpy(&report, host.const_data_ptr(), sizeof(report));
  return report;
}

}  // namespace

StepControl::StepControl(const StepControlOptions& options)
    : dynamic_(options.loss_scaling.is_dynamic()), max_bad_steps_(options.max_bad_steps) {
  core::require(!options.learning_rates.empty(), "a step control needs learning rates");
  const LossScaling& scaling = options.loss_scaling;
  rules_.max_grad_norm = options.max_grad_norm;
  rules_.minimum_loss_scale = scaling.minimum;
  rules_.growth_interval = scaling.growth_interval;
  rules_.hysteresis = scaling.hysteresis;

  const at::Tensor rates =
      at::empty({static_cast<std::int64_t>(options.learning_rates.size())}, at::TensorOptions().dtype(at::kDouble));
  std::copy(options.learning_rates.begin(), options.learning_rates.end(), rates.mutable_data_ptr<double>());
  learning_rates_ = rates.to(options.device);
  state_ = at::empty({kStateBytes}, at::TensorOptions(options.device).dtype(at::kByte));
  static_assert(offsetof(kernels::StepState, loss_scale) == 0);
  loss_scale_ = state_.narrow(0, 0, sizeof(double)).view(at::kDouble).squeeze(0);
  host_copy_ = host_bytes(options.device.is_cuda());
  if (options.device.is_cuda()) copied_.emplace(options.device.type());

  kernels::StepState initial;
  initial.loss_scale = scaling.initial;
  initial.hysteresis_left = scaling.hysteresis;
  restore(initial);
}

void StepControl::decide(const at::Tensor& squared_norm, const at::Tensor& first_nonfinite, const at::Tensor& loss) {
  kernels::decide_step_(state_, rules_, squared_norm, first_nonfinite, loss, learning_rates_);
}

void StepControl::begin_read() {
  core::require(!reading_, "a report is read before the next one is asked for");
  host_copy_.copy_(state_, /*non_blocking=*/true);
  if (copied_) copied_->record(c10::impl::VirtualGuardImpl(state_.device().type()).getStream(state_.device()));
  reading_ = true;
}

StepReport StepControl::finish_read() {
  core::require(reading_, "a report was asked for before it is read");
  if (copied_) copied_->synchronize();
  reading_ = false;
  return report_of(host_copy_);
}

StepReport StepControl::read() const {
  return report_of(state_.to(at::kCPU));
}

Health StepControl::health(const StepReport& report) const {
  if (dynamic_) return report.bad_at_min >= kHopelessSkips ? Health::loss_scale_exhausted : Health::good;
  return report.consecutive_bad >= max_bad_steps_ ? Health::too_many_bad_steps : Health::good;
}

void StepControl::restore(const kernels::StepState& state) {
  const at::Tensor host = host_bytes(false);
  std::memcpy(host.mutable_data_ptr(), &state, sizeof(state));
  state_.copy_(host);
}

}  // namespace baleen::optim
