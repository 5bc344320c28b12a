#include "trainer/trace_times.h"

#include <algorithm>

namespace baleen::trainer {
namespace {

using parallel::RankTrace, parallel::TracedSpan, parallel::UnitOp;

TimeClass waiting_for(const std::string& axis) {
  if (axis == "forward_edge" || axis == "backward_edge") return TimeClass::pipeline;
  if (axis == "gathers") return TimeClass::gathers;
  if (axis.starts_with("tensor")) return TimeClass::tensor;
  if (axis.starts_with("data") || axis == "pipeline_ends") return TimeClass::sums;
  return TimeClass::scalars;
}

TimeClass working_on(const TracedSpan& span) {
  if (span.kind == TracedSpan::Kind::phase) return span.name == "batches" ? TimeClass::data : TimeClass::update;
  switch (span.action.op) {
    case UnitOp::forward:
      return TimeClass::forward;
    case UnitOp::backward_input:
      return TimeClass::backward;
    case UnitOp::backward_weight:
      return TimeClass::weight;
    default:
      return TimeClass::other;
  }
}

bool computes(const TracedSpan& span) {
  return span.kind == TracedSpan::Kind::action &&
         (span.action.op == UnitOp::forward || span.action.op == UnitOp::backward_input ||
          span.action.op == UnitOp::backward_weight);
}

/// Of the waits, those that the simulator has outside of compute.
bool stops_compute(const TracedSpan& wait) {
  return waiting_for(wait.axis) != TimeClass::tensor;
}

}  // namespace

const char* name(TimeClass time) {
  constexpr const char* kNames[kTimeClasses] = {"forward",
                                                "backward, inputs",
                                                "backward, weights",
                                                "sums, norm, optimizer",
                                                "rest",
                                                "data",
                                                "waiting: other stages",
                                                "waiting: gathers",
                                                "waiting: gradient sums",
                                                "waiting: tensor axis",
                                                "waiting: scalars"};
  return kNames[static_cast<std::size_t>(time)];
}

double RankTimes::exposed() const {
  double waited = 0;
  for (auto time = static_cast<std::size_t>(TimeClass::pipeline); time < kTimeClasses; ++time) waited += seconds[time];
  return step > 0 ? waited / step : 0;
}

RankTimes rank_times(const RankTrace& trace) {
  RankTimes times;
  double told = 0;
  const TracedSpan* around = nullptr;  // a wait lies inside the action or phase before it, if anywhere
  for (const TracedSpan& span : trace) {
    const double seconds = span.end - span.start;
    const auto add = [&](TimeClass time, double more) { times.seconds[static_cast<std::size_t>(time)] += more; };
    switch (span.kind) {
      case TracedSpan::Kind::step:
        times.step = seconds;
        break;
      case TracedSpan::Kind::phase:
      case TracedSpan::Kind::action:
        add(working_on(span), seconds);
        told += seconds;
        around = &span;
        break;
      case TracedSpan::Kind::wait:
        add(waiting_for(span.axis), seconds);
        if (around != nullptr && span.start < around->end) {
          add(working_on(*around), -seconds);
        } else {
          told += seconds;
        }
        break;
      case TracedSpan::Kind::operation:
        break;
    }
  }
  times.seconds[static_cast<std::size_t>(TimeClass::other)] += std::max(0.0, times.step - told);
  return times;
}

MeasuredRank measured_rank(const RankTrace& trace) {
  MeasuredRank rank;
  const TracedSpan* around = nullptr;
  for (const TracedSpan& span : trace) {
    if (span.kind == TracedSpan::Kind::phase) around = nullptr;
    if (span.kind == TracedSpan::Kind::action) {
      around = &span;
      const auto unit = static_cast<std::size_t>(span.action.unit);
      if (rank.units.size() <= unit) rank.units.resize(unit + 1);
      rank.units[unit].stage = span.stage;
      if (rank.actions.empty()) rank.first = span.start;
      rank.last = std::max(rank.last, span.end);
      rank.actions.push_back({span.action, span.start, span.end});
      rank.compute.push_back(computes(span) ? span.end - span.start : 0);
    } else if (around == nullptr) {
      continue;
    } else if (span.kind == TracedSpan::Kind::operation && around->action.op == UnitOp::reduce) {
      rank.last = std::max(rank.last, span.end);
    } else if (span.kind == TracedSpan::Kind::wait && stops_compute(span) && computes(*around) &&
               span.start < around->end) {
      rank.actions.back().start = span.end;  // the executor waits first and computes then
      rank.compute.back() -= span.end - span.start;
      rank.waits.emplace_back(span.start, span.end);
    }
  }
  for (double& seconds : rank.compute) rank.busy += seconds = std::max(0.0, seconds);
  rank.blocks = parallel::join_blocks(rank.actions, rank.units);
  std::erase_if(rank.waits, [&](const auto& wait) {
    return std::ranges::none_of(rank.blocks, [&](const parallel::TimedBlock& block) {
      return block.start <= wait.first && wait.second <= block.end;
    });
  });
  return rank;
}

int MeasuredSchedule::micro_batches() const {
  int count = 0;
  for (const parallel::TimedBlock& block : ranks.front().blocks) count = std::max(count, block.micro_batch + 1);
  return count;
}

MeasuredSchedule measured_schedule(const TracedStep& step) {
  MeasuredSchedule schedule;
  double first = 0, last = 0;
  for (int stage = 0; stage < step.dims.pipeline; ++stage) {
    const int rank = parallel::rank_of({.pipeline = stage}, step.dims);
    schedule.ranks.push_back(measured_rank(step.ranks[static_cast<std::size_t>(rank)]));
    const MeasuredRank& here = schedule.ranks.back();
    first = stage == 0 ? here.first : std::min(first, here.first);
    last = std::max(last, here.last);
  }
  for (MeasuredRank& rank : schedule.ranks) {
    for (parallel::TimedAction& action : rank.actions) action.start -= first, action.end -= first;
    for (parallel::TimedBlock& block : rank.blocks) block.start -= first, block.end -= first;
    for (auto& [start, end] : rank.waits) start -= first, end -= first;
    rank.first -= first;
    rank.last -= first;
  }
  schedule.makespan = last - first;
  for (const MeasuredRank& rank : schedule.ranks)
    schedule.bubble += schedule.bubble_of(rank) / static_cast<double>(schedule.ranks.size());
  return schedule;
}

}  // namespace baleen::trainer
