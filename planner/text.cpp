// The text of `baleen plan`.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/counted.h"
#include "planner/model_summary.h"
#include "planner/plan.h"

namespace baleen::planner {
namespace {

constexpr int kChartWidth = 100;
/// More lines are no chart.
constexpr int kMostChartedRanks = 16;

double gib(std::int64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0);
}

std::string line(const char* label, const std::string& text) {
  return fmt::format("{:<12}{}\n", label, text);
}

std::string mesh(const Plan& plan) {
  const parallel::ParallelConfig& p = plan.step.config.parallelism;
  std::string zero = fmt::format("ZeRO-{}", p.zero_stage);
  if (p.zero_stage == 3) zero += fmt::format(", regather {}", p.regather);
  return fmt::format("{} ({}), {}", plan.step.dims.str(), core::counted(plan.step.dims.world(), "rank"), zero);
}

std::string stages(const Plan& plan) {
  const PlannedStep& step = plan.step;
  const std::string name = !communicates(step.dims.pipeline) ? "" : " " + step.config.parallelism.schedule;
  return fmt::format("{} of {} layers;{} {} of {} x {} tokens on each rank", step.plan.shape.stages(),
                     fmt::join(step.plan.stage_layers, ", "), name,
                     core::counted(step.micro_batches(), "micro-batch", "micro-batches"),
                     step.config.training.micro_batch_size, step.config.training.sequence_length);
}

/// One line a pipeline rank, one column a class.
std::string memory_table(const Plan& plan, const Hardware& hardware) {
  std::string text =
      "\nmemory, GiB a GPU (activations, loss and buffers at the moment of a step that needs most)\n"
      "  rank  parameters  weights  masters  gradients  optimizer  activations  live    loss  gathered  "
      "gradient buffers  NCCL  CUDA  other   total\n";
  for (std::size_t rank = 0; rank < plan.memory.size(); ++rank) {
    const RankMemory& m = plan.memory[rank];
    text += fmt::format(
        "  {:>4}  {:>9.3f}B  {:>7.2f}  {:>7.2f}  {:>9.2f}  {:>9.2f}  {:>11.2f}  {:>4}  {:>6.2f}  {:>8.2f}  {:>16.2f}  "
        "{:>4.2f}  {:>4.2f}  {:>5.2f}  {:>6.2f}\n",
        rank, static_cast<double>(parameters_held(plan.step.ranks[rank])) * 1e-9, gib(m.values), gib(m.masters),
        gib(m.gradients), gib(m.optimizer), gib(m.activations), m.peak_micro_batches, gib(m.loss),
        gib(m.gathered + m.gather_pool), gib(m.gradient_buffers), gib(m.communicators), gib(m.context),
        gib(m.workspace + m.reserve), gib(m.total()));
  }
  const RankMemory& most = plan.most_memory();
  const double total = gib(most.total());
  text += fits(plan, hardware)
              ? fmt::format("  fits {} ({:.1f} GiB): {:.1f} GiB are left; memory_gib in metrics.jsonl will be {:.1f}\n",
                            hardware.gpu.name, hardware.gpu.memory_gib, hardware.gpu.memory_gib - total,
                            gib(most.allocator()))
              : fmt::format("  DOES NOT FIT {} ({:.1f} GiB): {:.1f} GiB too much\n", hardware.gpu.name,
                            hardware.gpu.memory_gib, total - hardware.gpu.memory_gib);
  return text;
}

/// One line an axis, collective and type.
std::string traffic_table(const Plan& plan) {
  parallel::Traffic most;
  for (const parallel::Traffic& traffic : plan.traffic)
    for (const auto& [what, volume] : traffic)
      if (most[what].bytes < volume.bytes) most[what] = volume;
  if (most.empty()) return "\ntraffic     none: one rank\n";
  std::string text =
      "\ntraffic of a step (of the pipeline rank with the most; scalars apart)\n"
      "  axis            collective      type    calls       GiB\n";
  for (const auto& [what, volume] : most)
    text += fmt::format("  {:<14}  {:<14}  {:<5}  {:>6}  {:>8.3f}\n", what.axis, what.collective, what.dtype,
                        volume.calls, gib(volume.bytes));
  return text;
}

std::string time_lines(const Plan& plan, const Hardware& hardware) {
  const StepTime& time = plan.time;
  const char* waiting = !communicates(plan.step.dims.pipeline) ? "waiting for gathers and reductions" : "bubble";
  std::string text = fmt::format("\n{:<12}{:.1f} ms a step: {:.1f} forward and backward ({} {:.1f} %), {:.1f} update\n",
                                 "time", time.step() * 1e3, time.simulation.makespan * 1e3, waiting,
                                 time.simulation.bubble * 100, time.update * 1e3);
  text += line("speed", fmt::format("{:.1f}k tokens/s per GPU, {:.1f}k in all{}", plan.tokens_per_second_per_gpu * 1e-3,
                                    plan.tokens_per_second_per_gpu * plan.step.dims.world() * 1e-3,
                                    plan.mfu > 0 ? fmt::format(", MFU {:.1f} % of {:.0f} TFLOP/s", plan.mfu * 100,
                                                               hardware.gpu.peak_half_tflops)
                                                 : ""));
  return text;
}

std::string chart(const Plan& plan) {
  if (!communicates(plan.step.dims.pipeline)) return "";
  const auto& ranks = plan.time.simulation.ranks;
  std::string text = "\nschedule (F forward, B backward, W weight part, lower case: further stages, . waiting)\n";
  if (ranks.size() <= kMostChartedRanks) {
    text += parallel::draw(plan.time.simulation, kChartWidth);
    if (text.back() != '\n') text += '\n';
  }
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    text += fmt::format("  rank {:>2}: bubble {:>4.1f} %, {} micro-batches live, {:.1f} GiB\n", rank,
                        ranks[rank].bubble * 100, ranks[rank].peak_micro_batches, gib(plan.memory[rank].total()));
  return text;
}

}  // namespace

bool fits(const Plan& plan, const Hardware& hardware) {
  return gib(plan.most_memory().total()) <= hardware.gpu.memory_gib;
}

std::string describe(const Plan& plan, const Hardware& hardware) {
  return line("device", hardware.gpu.name) + line("mesh", mesh(plan)) + line("stages", stages(plan)) +
         memory_table(plan, hardware) + traffic_table(plan) + time_lines(plan, hardware) + chart(plan);
}

std::string describe(const BestLayouts& best, const Hardware& hardware, int ranks, const Config& given) {
  std::string text =
      fmt::format("\nbest layouts of {} ({} legal; {} fit as long as activations and buffers are left out)\n",
                  core::counted(ranks, "rank"), best.legal, best.fitting);
  if (best.layouts.empty())
    return text + fmt::format(
                      "  none fits {} ({:.1f} GiB): try training.recompute=block, a smaller "
                      "training.micro_batch_size, or more ranks\n",
                      hardware.gpu.name, hardware.gpu.memory_gib);
  for (const Layout& layout : best.layouts)
    text += fmt::format("  {:>6.1f}k tokens/s per GPU, {:>6.1f} GiB, bubble {:>4.1f} %\n    {}\n",
                        layout.tokens_per_second_per_gpu * 1e-3, gib(layout.memory), layout.bubble * 100,
                        layout.overrides(given));
  return text;
}

}  // namespace baleen::planner
