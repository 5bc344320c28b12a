#pragma once
// What a run tells about each step: to people on the terminal, to programs in metrics.jsonl.

#include <cstdint>
#include <string>

namespace baleen::trainer {

struct StepMetrics {
  std::int64_t step = 0;  // 1 after the first
  double loss = 0;        // mean over the step's targets, natural logarithm
  double grad_norm = 0;   // before clipping
  double lr = 0;
  double loss_scale = 1;
  bool skipped = false;     // a gradient was not finite: nothing was updated
  std::int64_t tokens = 0;  // of this step, over all ranks
  double step_seconds = 0;
  double tokens_per_second = 0;
  double tokens_per_second_per_gpu = 0;  // per rank on the CPU
  double mfu = 0;                        // model FLOP utilisation against the dense peak; 0 where that is not known
  double memory_gib = 0;                 // peak of rank 0: reserved and gathered in on a GPU, resident on the CPU
  double data_seconds = 0;               // rank 0 waited for data
};

/// One line of metrics.jsonl, without the newline. Losses keep 17 significant digits; what is not finite becomes null.
std::string metrics_json(const StepMetrics& metrics);

/// The header above the step lines, and one step line; fixed columns, no carriage returns.
std::string step_header();
std::string step_line(const StepMetrics& metrics, double seconds_left);

/// "3h07m", "12m05s", "48s"
std::string duration(double seconds);

}  // namespace baleen::trainer
