#pragma once
// Owns the state of the step's decisions on the compute device: loss scale, clipping, learning rate, skipped steps.
//
// In a step: loss_scale() scales the loss gradient -> backward -> gradient norm, summed over ranks -> decide() ->
// Optimizer::update(unit, device_state()) -> begin_read(); the host looks one step late: finish_read() before the next
// begin_read().

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/step_state.h"

namespace baleen::optim {

/// What the host reads of a step.
using StepReport = kernels::StepState;

/// Skips in a row at the minimum loss scale after which dynamic scaling gives up.
inline constexpr int kHopelessSkips = 20;

/// The default is that of BF16, FP32 and FP64: a scale of 1 that never moves.
struct LossScaling {
  double initial = 1;
  double minimum = 1;
  int growth_interval = 0;  // good steps before the scale doubles; 0: it never grows
  int hysteresis = 1;       // overflows before it is halved

  bool is_dynamic() const { return growth_interval > 0; }
};

struct StepControlOptions {
  LossScaling loss_scaling;
  double max_grad_norm = 1;            // 0: no clipping
  int max_bad_steps = 10;              // non-finite steps in a row that stop a run without dynamic scaling
  std::vector<double> learning_rates;  // by optimizer step: optim/lr_schedule.h
  at::Device device = at::kCPU;
};

enum class Health {
  good,
  loss_scale_exhausted,  // dynamic scaling skipped kHopelessSkips steps in a row at the minimum scale
  too_many_bad_steps,    // max_bad_steps non-finite steps in a row
};

class StepControl {
 public:
  explicit StepControl(const StepControlOptions& options);

  /// 0-dim fp64 on the device, a view that always holds the loss scale of the next backward.
  const at::Tensor& loss_scale() const { return loss_scale_; }
  /// What Optimizer::update() takes.
  const at::Tensor& device_state() const { return state_; }

  /// Decides this step. squared_norm and loss: 0-dim fp64, summed over the mesh so that all ranks decide alike;
  /// first_nonfinite: GradientNorm's. A non-finite norm or loss skips the step. No host synchronisation.
  void decide(const at::Tensor& squared_norm, const at::Tensor& first_nonfinite, const at::Tensor& loss);

  /// Starts the copy of the report to the host; finish_read() waits for it. At most one at a time.
  void begin_read();
  StepReport finish_read();
  bool reading() const { return reading_; }
  /// Blocks until the device is done with the last decide().
  StepReport read() const;

  /// Whether the run is to be stopped after the step of `report`.
  Health health(const StepReport& report) const;

  /// For the checkpoint: read() saves; only the fields that are carried from step to step matter to restore().
  void restore(const kernels::StepState& state);

 private:
  kernels::StepRules rules_;
  bool dynamic_ = false;
  int max_bad_steps_ = 0;
  at::Tensor state_, loss_scale_, learning_rates_;
  at::Tensor host_copy_;  // pinned where the device is a GPU
  std::optional<c10::Event> copied_;
  bool reading_ = false;
};

}  // namespace baleen::optim
