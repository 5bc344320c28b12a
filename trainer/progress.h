#pragma once
// What rank 0 tells about each step: the line on the terminal and metrics.jsonl.

#include <cstdint>
#include <memory>

#include "optim/step_control.h"
#include "parallel/device_clock.h"
#include "trainer/run_directory.h"

namespace baleen::trainer {

struct ProgressOptions {
  std::int64_t steps = 0;            // of the whole training
  std::int64_t tokens_per_step = 0;  // over all ranks
  int ranks = 1;
  int log_every = 1;           // steps between lines on the terminal
  double flops_per_token = 0;  // of the model
  double peak_flops = 0;       // of one device; 0: not known, no MFU
  at::Device device = at::kCPU;
};

class Progress {
 public:
  /// `run` is nullptr on ranks that tell nothing.
  Progress(const ProgressOptions& options, const RunDirectory* run, std::unique_ptr<parallel::DeviceClock> clock)
      : options_(options), run_(run), clock_(std::move(clock)) {}

  /// Prints the header and starts the clock of the first step.
  void start();
  /// After what is no part of a step (validation, a save): the clock of the next step starts here. Every step that was
  /// issued is reported before.
  void restart_clock();
  /// All work of a step is issued, and the step before is reported.
  void step_issued();
  /// The step issued last, which took from the end of the one before it (or the restart) to its own end, whenever the
  /// host looks. `step`: counted from 1. `gather_bytes`: of the mesh.
  void report(std::int64_t step, const optim::StepReport& report, double data_seconds, std::int64_t gather_bytes);

 private:
  ProgressOptions options_;
  const RunDirectory* run_;
  std::unique_ptr<parallel::DeviceClock> clock_;
  int begin_ = 0;               // the clock's moment of where the step begins; the other is its end
  double typical_seconds_ = 0;  // per step, smoothed
};

}  // namespace baleen::trainer
