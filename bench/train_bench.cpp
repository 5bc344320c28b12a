#include "bench/train_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "bench/kernel_trace.h"
#include "bench/stopwatch.h"
#include "parallel/agreement.h"
#include "parallel/device_clock.h"
#include "parallel/nccl_communicator.h"
#include "trainer/device_info.h"
#include "trainer/flops.h"
#include "trainer/trainer.h"

namespace baleen::bench {
namespace {

/// Seconds of each step: from the end of the one before it to its own, on the device's time line. The host looks one
/// step late, as in training.
std::vector<double> time_steps(trainer::Trainer& trainer, std::int64_t first, int steps, c10::Device device) {
  const std::unique_ptr<parallel::DeviceClock> clock = parallel::make_device_clock(device);
  std::vector<double> seconds;
  int begin = 0;
  clock->mark(begin);
  for (int step = 0; step < steps; ++step) {
    trainer.train_step(first + step);
    if (step > 0) {
      seconds.push_back(clock->seconds(begin, 1 - begin));
      begin = 1 - begin;
    }
    clock->mark(1 - begin);
  }
  seconds.push_back(clock->seconds(begin, 1 - begin));
  return seconds;
}

void row(const std::string& name, const std::string& value) {
  fmt::print("| {} | {} |\n", name, value);
}

void print_speed(const TrainBenchOptions& options, const launch::Process& process, const std::vector<double>& seconds,
                 double loss, std::int64_t gather_bytes) {
  const trainer::Config& config = options.config;
  const double tokens =
      static_cast<double>(config.training.global_batch_size * config.training.sequence_length) / process.size();
  const std::string name = trainer::device_name(process.device());
  const double typical = quantile(seconds), rate = tokens / typical;
  fmt::print("| | |\n|---|---|\n");
  row("ranks", fmt::format("{} x {}", process.size(), name.empty() ? "CPU" : name));
  row("tokens/s per rank",
      fmt::format("{:.0f} (9 of 10 steps: {:.0f} or more)", rate, tokens / quantile(seconds, 0.9)));
  row("step", fmt::format("{:.2f} ms, median of {}; fastest {:.2f}, slowest {:.2f}", typical * 1e3, seconds.size(),
                          quantile(seconds, 0) * 1e3, quantile(seconds, 1) * 1e3));
  const double flops = trainer::flops_per_token(config.model, config.training.sequence_length) * rate;
  const double peak = trainer::dense_peak_flops(name, config.compute_dtype());
  row("model FLOP/s per rank",
      peak > 0 ? fmt::format("{:.1f} T, {:.1f} % of {:.0f} T", flops / 1e12, 100 * flops / peak, peak / 1e12)
               : fmt::format("{:.3f} T", flops / 1e12));
  row("peak memory", fmt::format("{:.2f} GiB", trainer::peak_memory_gib(process.device(), gather_bytes)));
  row("loss of the last step", fmt::format("{:.4f}", loss));
}

void print_gaps(const TraceSummary& trace) {
  constexpr std::size_t kMost = 8;
  if (trace.gaps.empty()) return;
  fmt::print("\n| nothing runs between | ms | times | longest, us |\n|---|---:|---:|---:|\n");
  for (std::size_t g = 0; g < std::min(kMost, trace.gaps.size()); ++g) {
    const Gaps& gaps = trace.gaps[g];
    fmt::print("| {} and {} | {:.2f} | {} | {:.1f} |\n", gaps.before, gaps.after, gaps.seconds * 1e3, gaps.count,
               gaps.longest * 1e6);
  }
}

void print_kernels(const TraceSummary& trace) {
  if (trace.launches == 0) return;
  fmt::print("\n| kernels of one step | ms | share | launches |\n|---|---:|---:|---:|\n");
  const auto line = [&](const std::string& name, double seconds, const std::string& launches) {
    fmt::print("| {} | {:.2f} | {:.1f} % | {} |\n", name, seconds * 1e3, 100 * seconds / trace.span, launches);
  };
  for (const KernelUse& use : trace.classes) line(use.name, use.seconds, std::to_string(use.launches));
  line("nothing runs", trace.span - trace.busy, "");
  line("only communication runs", trace.exposed_communication, "");
  line("from the first kernel to the last", trace.span, std::to_string(trace.launches));
  print_gaps(trace);
}

}  // namespace

void bench_train(const TrainBenchOptions& options, launch::Process& process) {
  trainer::Config config = options.config;
  config.data.validation.clear();
  const int traced = 2;  // the first keeps the GPU busy while the second is issued, as in training
  config.training.steps = std::max<std::int64_t>(config.training.steps, options.warm_up + options.steps + traced);
  parallel::Mesh mesh(config.dims(process.size()), process.world(), parallel::device_communicators(process.device()),
                      trainer::mesh_options(config));
  trainer::TrainerOptions trainer_options;
  trainer_options.device = process.device();
  trainer_options.device_name = trainer::device_name(process.device());
  std::unique_ptr<trainer::Trainer> trainer;
  parallel::succeed_together(process.world(),
                             [&] { trainer = std::make_unique<trainer::Trainer>(config, mesh, trainer_options); });

  trainer->start();
  for (int step = 0; step < options.warm_up; ++step) {
    trainer->train_step(step);
    if (step == 0) trainer->complete_product_plans();
  }
  const std::vector<double> seconds = time_steps(*trainer, options.warm_up, options.steps, process.device());
  const double loss = trainer->read_step().loss;
  std::vector<KernelSpan> spans = trace_kernels(process.device().index(), [&] {
    for (int step = 0; step < traced; ++step) trainer->train_step(options.warm_up + options.steps + step);
  });
  process.world().barrier();
  if (process.rank() != 0) return;
  print_speed(options, process, seconds, loss, mesh.gather_bytes());
  print_kernels(summarize(second_half(std::move(spans))));
}

}  // namespace baleen::bench
