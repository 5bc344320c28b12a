#include "report/trace.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/counted.h"
#include "core/error.h"
#include "planner/replay.h"
#include "planner/step.h"
#include "report/svg_chart.h"
#include "report/svg_timeline.h"

namespace baleen::report {
namespace {

using trainer::communicates, trainer::Config, trainer::kTimeClasses, trainer::MeasuredRank, trainer::MeasuredSchedule,
    trainer::newest_trace, trainer::rank_times, trainer::RankTimes, trainer::read_trace, trainer::TimeClass,
    trainer::TracedStep;

namespace fs = std::filesystem;
using parallel::TimedBlock;

constexpr double kMilli = 1e3;
constexpr std::size_t kMostRows = 32;

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::string legend(const std::vector<std::pair<std::string, std::string>>& styles) {
  std::string out;
  for (const auto& [style, text] : styles)
    out += fmt::format("<span><i class=\"swatch {}\"></i>{}</span>", style, html_escape(text));
  return out;
}

std::string figure(const std::string& caption, const std::string& content) {
  return "<figure class=\"wide\"><figcaption>" + caption + "</figcaption>\n" + content + "</figure>\n";
}

// ---- the schedule

TimeBox box_of(const TimedBlock& block, int ranks) {
  constexpr const char* kStyles[] = {"fwd", "bwd", "bwd", "wgt"};
  constexpr const char* kNames[] = {"forward", "backward", "backward, inputs", "backward, weights"};
  constexpr char kLetters[] = "FBBW";
  const auto kind = static_cast<std::size_t>(block.kind);
  const bool further = block.stage >= ranks;  // not the rank's first stage
  return {block.start, block.end, fmt::format("{}{}", kStyles[kind], further ? " more" : ""),
          fmt::format("{}{}", kLetters[kind], block.micro_batch),
          fmt::format("{}, stage {}, micro-batch {}\n{:.3f} to {:.3f} ms: {:.3f} ms", kNames[kind], block.stage,
                      block.micro_batch, block.start * kMilli, block.end * kMilli, (block.end - block.start) * kMilli)};
}

TimeRow row_of(int rank, const std::vector<TimedBlock>& blocks, int ranks, double bubble) {
  TimeRow row{fmt::format("rank {}", rank), "bubble " + percent(bubble), {}};
  for (const TimedBlock& block : blocks) row.boxes.push_back(box_of(block, ranks));
  return row;
}

TimePanel planned_panel(const planner::PlannedSchedule& planned, const parallel::ParallelDims& dims) {
  const parallel::Simulation& simulation = planned.simulation;
  TimePanel panel{fmt::format("planned: {:.2f} ms, bubble {} ({})", simulation.makespan * kMilli,
                              percent(simulation.bubble), planned.basis),
                  {}};
  for (int place = 0; place < dims.pipeline; ++place) {
    const parallel::RankTimeline& rank = simulation.ranks[static_cast<std::size_t>(place)];
    panel.rows.push_back(row_of(parallel::rank_of({.pipeline = place}, dims), rank.blocks, dims.pipeline, rank.bubble));
  }
  return panel;
}

TimePanel measured_panel(const MeasuredSchedule& measured, const parallel::ParallelDims& dims) {
  TimePanel panel{fmt::format("measured: {:.2f} ms, bubble {}", measured.makespan * kMilli, percent(measured.bubble)),
                  {}};
  for (int place = 0; place < dims.pipeline; ++place) {
    const MeasuredRank& rank = measured.ranks[static_cast<std::size_t>(place)];
    panel.rows.push_back(
        row_of(parallel::rank_of({.pipeline = place}, dims), rank.blocks, dims.pipeline, measured.bubble_of(rank)));
    for (const auto& [start, end] : rank.waits)
      panel.rows.back().boxes.push_back({start, end, "wait", "", "waiting for another rank"});
  }
  return panel;
}

std::string schedule_figure(const Config& config, const TracedStep& step, const MeasuredSchedule& measured,
                            const std::optional<planner::PlannedSchedule>& planned) {
  std::vector<TimePanel> panels;
  std::string description = fmt::format("Schedule {} over {} pipeline ranks, step {}.", config.parallelism.schedule,
                                        step.dims.pipeline, step.step);
  if (planned) {
    panels.push_back(planned_panel(*planned, step.dims));
    description += fmt::format(" Planned: {:.2f} ms, bubble {}.", planned->simulation.makespan * kMilli,
                               percent(planned->simulation.bubble));
  }
  panels.push_back(measured_panel(measured, step.dims));
  description += fmt::format(" Measured: {:.2f} ms, bubble {}.", measured.makespan * kMilli, percent(measured.bubble));
  std::vector<std::pair<std::string, std::string>> styles = {
      {"fwd", "F forward"}, {"bwd", "B backward"}, {"wgt", "W its weight part, apart"}, {"track", "waiting (bubble)"}};
  if (config.parallelism.virtual_stages > 1) styles.emplace_back("fwd more", "a further stage of the rank");
  const std::string others =
      step.dims.world() > step.dims.pipeline ? "<span>ranks that are the first on every other axis</span>" : "";
  const std::string caption = fmt::format("Schedule {}, {}", html_escape(config.parallelism.schedule),
                                          core::counted(measured.micro_batches(), "micro-batch", "micro-batches"));
  return figure(caption + legend(styles) + others, svg_timeline(panels, description));
}

/// Without a pipeline there is nothing to see in a schedule, but what `baleen plan` predicts can be compared.
std::string prediction(const MeasuredSchedule& measured, const std::optional<planner::PlannedSchedule>& planned) {
  if (!planned || !planned->of_device) return "";
  return fmt::format(
      "<p class=\"step\">forward and backward: planned {:.2f} ms, waiting for gathers and gradient sums in {} of it "
      "({}); measured {:.2f} ms, {}</p>\n",
      planned->simulation.makespan * kMilli, percent(planned->simulation.bubble), planned->basis,
      measured.makespan * kMilli, percent(measured.bubble));
}

std::string forward_and_backward(const Config& config, const TracedStep& step, std::vector<std::string>& notes) {
  const MeasuredSchedule measured = measured_schedule(step);
  const std::optional<planner::PlannedSchedule> planned = planner::plan_traced_step(config, step, measured);
  if (!planned)
    notes.push_back(
        fmt::format("{}: config.toml names another layout than the traced step ran, so that nothing "
                    "planned stands beside it",
                    trainer::trace_name(step.step)));
  return communicates(step.dims.pipeline) ? schedule_figure(config, step, measured, planned)
                                          : prediction(measured, planned);
}

// ---- where the time went

const char* style_of(TimeClass time) {
  constexpr const char* kStyles[kTimeClasses] = {"fwd",  "bwd",  "wgt",  "upd",  "rest", "data",
                                                 "pipe", "gath", "sums", "tens", "scal"};
  return kStyles[static_cast<std::size_t>(time)];
}

std::vector<TimeClass> classes_seen(const std::vector<RankTimes>& ranks) {
  std::vector<TimeClass> seen;
  for (std::size_t time = 0; time < kTimeClasses; ++time)
    if (std::ranges::any_of(ranks, [&](const RankTimes& rank) { return rank.seconds[time] > 5e-4 * rank.step; }))
      seen.push_back(static_cast<TimeClass>(time));
  return seen;
}

std::string times_table(const std::vector<RankTimes>& ranks, const std::vector<TimeClass>& classes) {
  std::string out =
      "<details><summary>the same in numbers, per cent of the step</summary>\n<table class=\"times\"><tr>"
      "<th>rank</th><th>step, ms</th><th>communication exposed</th>";
  for (const TimeClass time : classes) out += fmt::format("<th>{}</th>", name(time));
  out += "</tr>\n";
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const RankTimes& times = ranks[rank];
    out +=
        fmt::format("<tr><td>{}</td><td>{:.2f}</td><td>{:.1f}</td>", rank, times.step * kMilli, 100 * times.exposed());
    for (const TimeClass time : classes) out += fmt::format("<td>{:.1f}</td>", 100 * times.of(time) / times.step);
    out += "</tr>\n";
  }
  return out + "</table></details>\n";
}

std::string times_figure(const TracedStep& step) {
  std::vector<RankTimes> ranks;
  for (const parallel::RankTrace& trace : step.ranks) ranks.push_back(rank_times(trace));
  const std::vector<TimeClass> classes = classes_seen(ranks);
  TimePanel panel;
  double exposed = 0;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    exposed += ranks[rank].exposed() / static_cast<double>(ranks.size());
    if (rank >= kMostRows) continue;
    TimeRow row{fmt::format("rank {}", rank), "exposed " + percent(ranks[rank].exposed()), {}};
    double at = 0;
    for (const TimeClass time : classes) {
      const double seconds = ranks[rank].of(time);
      row.boxes.push_back(
          {at, at + seconds, style_of(time), "",
           fmt::format("{}: {:.3f} ms, {}", name(time), seconds * kMilli, percent(seconds / ranks[rank].step))});
      at += seconds;
    }
    panel.rows.push_back(std::move(row));
  }
  std::vector<std::pair<std::string, std::string>> styles;
  styles.reserve(classes.size());
  for (const TimeClass time : classes) styles.emplace_back(style_of(time), name(time));
  const std::string shown =
      ranks.size() > kMostRows ? fmt::format("<span>the first {} of {} ranks</span>", kMostRows, ranks.size()) : "";
  const std::string description = fmt::format(
      "Where the time of step {} went, a bar for each rank; on average compute waited for communication in {} of it.",
      step.step, percent(exposed));
  return figure("Where the time went" + legend(styles) + shown,
                svg_timeline({panel}, description) + times_table(ranks, classes));
}

}  // namespace

std::string traced_step_section(const fs::path& run_dir, const std::optional<Config>& config,
                                std::vector<std::string>& notes) {
  const std::optional<fs::path> path = newest_trace(run_dir);
  if (!path) return "";
  try {
    const TracedStep step = read_trace(*path);
    std::string out = fmt::format("<h2>Step {}, traced</h2>\n", step.step);
    if (config) out += forward_and_backward(*config, step, notes);
    out += times_figure(step);
    return out + fmt::format("<p class=\"step\">Every action of every rank: open {} in ui.perfetto.dev</p>\n",
                             trainer::trace_name(step.step));
  } catch (const core::Error& error) {
    notes.push_back(error.what());
    return "";
  }
}

}  // namespace baleen::report
