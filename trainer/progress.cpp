#include "trainer/progress.h"

#include <fmt/format.h>

#include <cstdio>

#include "trainer/device_info.h"

namespace baleen::trainer {
namespace {

void print_line(const std::string& line) {
  std::puts(line.c_str());  // throws nothing where nobody reads it any more
  std::fflush(stdout);
}

}  // namespace

void Progress::start() {
  if (run_ != nullptr) print_line(step_header());
  restart_clock();
}

void Progress::restart_clock() {
  clock_->mark(begin_);
}

void Progress::step_issued() {
  clock_->mark(1 - begin_);
}

void Progress::report(std::int64_t step, const optim::StepReport& report, double data_seconds,
                      std::int64_t gather_bytes) {
  StepMetrics metrics;
  metrics.step = step;
  metrics.loss = report.loss;
  metrics.grad_norm = report.grad_norm;
  metrics.lr = report.lr;
  metrics.loss_scale = report.used_loss_scale;
  metrics.skipped = report.skip != 0;
  metrics.tokens = options_.tokens_per_step;
  metrics.step_seconds = clock_->seconds(begin_, 1 - begin_);
  metrics.tokens_per_second = static_cast<double>(metrics.tokens) / metrics.step_seconds;
  metrics.tokens_per_second_per_gpu = metrics.tokens_per_second / options_.ranks;
  if (options_.peak_flops > 0)
    metrics.mfu = metrics.tokens_per_second_per_gpu * options_.flops_per_token / options_.peak_flops;
  metrics.memory_gib = peak_memory_gib(options_.device, gather_bytes);
  metrics.data_seconds = data_seconds;
  begin_ = 1 - begin_;

  constexpr double kMemory = 0.9;
  typical_seconds_ =
      typical_seconds_ > 0 ? kMemory * typical_seconds_ + (1 - kMemory) * metrics.step_seconds : metrics.step_seconds;
  if (run_ == nullptr) return;
  run_->append_metrics(metrics);
  if (step % options_.log_every == 0 || step == options_.steps || metrics.skipped)
    print_line(step_line(metrics, typical_seconds_ * static_cast<double>(options_.steps - step)));
}

}  // namespace baleen::trainer
