// The trace of one step: taken from this rank, brought to one clock and into one file.

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/filesystem.h"
#include "core/log.h"
#include "parallel/agreement.h"
#include "trainer/trace_times.h"
#include "trainer/trainer.h"

namespace baleen::trainer {
namespace {

using parallel::Communicator, parallel::RankTrace;

double host_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

at::Tensor numbers(std::int64_t count) {
  return at::empty({count}, at::kDouble);
}

/// By how much this rank's clock is ahead of rank 0's. Ranks leave a barrier at about the same moment.
double clock_offset(Communicator& world) {
  constexpr int kRounds = 9;
  constexpr double kOneClock =
      5e-3;  // the ranks of a host read one clock; those of two hosts hardly differ by so little
  const at::Tensor mine = numbers(kRounds), all = numbers(kRounds * world.size());
  auto* times = mine.mutable_data_ptr<double>();
  for (int round = 0; round < kRounds; ++round) {
    world.barrier();
    times[round] = host_seconds();
  }
  world.all_gather(all, mine)->wait();
  const auto* first = all.const_data_ptr<double>();  // rank 0's
  for (int round = 0; round < kRounds; ++round) times[round] -= first[round];
  std::nth_element(times, times + kRounds / 2, times + kRounds);
  return std::abs(times[kRounds / 2]) < kOneClock ? 0 : times[kRounds / 2];
}

/// Seconds since the first rank began the step.
void to_common_clock(RankTrace& trace, Communicator& world) {
  const double offset = clock_offset(world);
  const at::Tensor start = numbers(1);
  *start.mutable_data_ptr<double>() = trace.front().start - offset;
  world.all_reduce(start, parallel::ReduceOp::min)->wait();
  const double zero = *start.const_data_ptr<double>() + offset;
  for (parallel::TracedSpan& span : trace) span.start -= zero, span.end -= zero;
}

/// Rank 0's result: the texts of all ranks, one after the other.
std::string joined(const std::string& text, Communicator& world) {
  const auto bytes_of = [](const std::string& of) {
    return at::from_blob(const_cast<char*>(of.data()), {static_cast<std::int64_t>(of.size())}, at::kByte);
  };
  const at::Tensor length = at::empty({1}, at::kLong);
  auto* count = length.mutable_data_ptr<std::int64_t>();
  if (world.rank() != 0) {
    *count = static_cast<std::int64_t>(text.size());
    world.send(length, 0)->wait();
    world.send(bytes_of(text), 0)->wait();
    return "";
  }
  std::string all = text;
  for (int rank = 1; rank < world.size(); ++rank) {
    world.recv(length, rank)->wait();
    std::string part(static_cast<std::size_t>(*count), '\0');
    world.recv(bytes_of(part), rank)->wait();
    all += part;
  }
  return all;
}

/// The line for people, and the event.
void tell(const TracedStep& step, const RunDirectory& run) {
  std::vector<double> exposed, pipeline;
  double longest = 0;
  for (const RankTrace& trace : step.ranks) {
    const RankTimes times = rank_times(trace);
    exposed.push_back(100 * times.exposed());
    pipeline.push_back(100 * times.of(TimeClass::pipeline) / times.step);
    longest = std::max(longest, times.step);
  }
  const auto mean = [](const std::vector<double>& of) {
    double sum = 0;
    for (const double value : of) sum += value;
    return sum / static_cast<double>(of.size());
  };
  constexpr std::size_t kNamed = 16;  // ranks
  const std::string each =
      exposed.size() <= kNamed
          ? fmt::format("{:.1f}", fmt::join(exposed, ", "))
          : fmt::format("{:.1f} to {:.1f}", *std::ranges::min_element(exposed), *std::ranges::max_element(exposed));
  core::log_info(fmt::format(
      "step {}: traced, {:.1f} ms; communication exposed {:.1f} % of it (by rank: {}), of that "
      "{:.1f} waiting for other stages; {}",
      step.step, longest * 1e3, mean(exposed), each, mean(pipeline), (run.path() / trace_name(step.step)).string()));
  nlohmann::ordered_json event{{"event", "trace"}, {"step", step.step}, {"path", trace_name(step.step)}};
  event["seconds"] = longest;
  event["exposed_percent"] = exposed;
  event["pipeline_percent"] = pipeline;
  run.append_event(event.dump());
}

/// Writes the trace and tells of it. The training does not depend on it: what fails is worth a warning, not an end.
void keep(const TracedStep& step, const std::string& events, const RunDirectory& run) {
  try {
    const std::filesystem::path path = run.path() / trace_name(step.step);
    core::make_folder(path.parent_path());
    core::write_file_atomically(path, trace_head(step) + events + trace_tail());
    tell(read_trace(path), run);
  } catch (const core::Error& error) {
    core::log_warning(
        fmt::format("step {}: traced, but the training goes on without the trace: {}", step.step, error.what()));
  }
}

}  // namespace

void Trainer::tell_trace() {
  settle();
  RankTrace mine = mesh_.trace()->take();
  const std::vector<parallel::UnitTraits> traits = stage_.traits();
  for (parallel::TracedSpan& span : mine)
    if (span.kind == parallel::TracedSpan::Kind::action)
      span.stage = traits[static_cast<std::size_t>(span.action.unit)].stage;
  parallel::Communicator& world = mesh_.host_world();
  to_common_clock(mine, world);
  const std::string events = joined(trace_events(mine, world.rank(), mesh_.dims()), world);
  parallel::succeed_together(world, [&] {
    if (options_.run != nullptr) keep({step_, options_.device_name, mesh_.dims(), {}}, events, *options_.run);
  });
  progress_.restart_clock();
}

}  // namespace baleen::trainer
