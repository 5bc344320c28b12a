#include "trainer/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/filesystem.h"
#include "core/json_fault.h"

namespace baleen::trainer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using parallel::TracedSpan, parallel::UnitOp;

constexpr double kMicro = 1e6;
constexpr const char* kKinds[] = {"step", "phase", "action", "wait", "operation"};

std::string metadata(const char* what, int rank, std::size_t thread, const std::string& value) {
  return fmt::format(",\n{{\"name\":\"{}\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{{}}}}}", what, rank, thread,
                     value);
}

std::string title(const TracedSpan& span) {
  switch (span.kind) {
    case TracedSpan::Kind::action:
      return fmt::format("{} {} #{}", span.name, span.unit, span.action.micro_batch);
    case TracedSpan::Kind::wait:
      return "wait: " + span.name;
    default:
      return span.name;
  }
}

std::string arguments(const TracedSpan& span) {
  const parallel::UnitAction& action = span.action;
  switch (span.kind) {
    case TracedSpan::Kind::action:
      return fmt::format(
          R"("op":"{}","unit":"{}","index":{},"stage":{},"micro_batch":{},"writes_gradient":{},"peer":{})", span.name,
          span.unit, action.unit, span.stage, action.micro_batch, action.writes_gradient, action.peer);
    case TracedSpan::Kind::wait:
    case TracedSpan::Kind::operation:
      return fmt::format(R"("collective":"{}","axis":"{}","bytes":{})", span.name, span.axis, span.bytes);
    default:
      return "";
  }
}

UnitOp op_of(const std::string& name) {
  for (int op = 0; op <= static_cast<int>(UnitOp::recv_backward); ++op)
    if (parallel::name(static_cast<UnitOp>(op)) == name) return static_cast<UnitOp>(op);
  throw core::Error(core::ExitCode::usage, fmt::format("an action is named \"{}\"", name));
}

TracedSpan span_of(const json& event) {
  TracedSpan span;
  const auto kind = std::ranges::find(kKinds, event.at("cat").get<std::string>());
  if (kind == std::end(kKinds)) throw core::Error(core::ExitCode::usage, "an event has no category of ours");
  span.kind = static_cast<TracedSpan::Kind>(kind - std::begin(kKinds));
  span.name = event.at("name");
  span.start = event.at("ts").get<double>() / kMicro;
  span.end = span.start + event.at("dur").get<double>() / kMicro;
  const json& about = event.at("args");
  if (span.kind == TracedSpan::Kind::action) {
    span.name = about.at("op");
    span.unit = about.at("unit");
    span.stage = about.at("stage");
    constexpr int kMostUnits = 1 << 20;
    if (const int unit = about.at("index"); unit < 0 || unit >= kMostUnits)
      throw core::Error(core::ExitCode::usage, fmt::format("an action names unit {}", unit));
    span.action = {op_of(span.name), about.at("index"), about.at("micro_batch"), about.at("writes_gradient"),
                   about.at("peer")};
  } else if (span.kind == TracedSpan::Kind::wait || span.kind == TracedSpan::Kind::operation) {
    span.name = about.at("collective");
    span.axis = about.at("axis");
    span.bytes = about.at("bytes");
  }
  return span;
}

TracedStep step_of(const json& file) {
  TracedStep step;
  const json& head = file.at("otherData");
  step.step = head.at("step");
  step.device = head.at("device");
  step.dims = {head.at("tensor"), head.at("context"), head.at("data_shard"), head.at("data_replicate"),
               head.at("pipeline")};
  const json& events = file.at("traceEvents");
  const auto most = static_cast<int>(events.size());
  for (const int degree : {step.dims.tensor, step.dims.context, step.dims.data_shard, step.dims.data_replicate,
                           step.dims.pipeline, step.dims.world()})
    if (degree < 1 || degree > most) throw core::Error(core::ExitCode::usage, "its mesh has ranks without events");
  step.ranks.resize(static_cast<std::size_t>(step.dims.world()));
  for (const json& event : events)
    if (event.at("ph") == "X") step.ranks.at(event.at("pid").get<std::size_t>()).push_back(span_of(event));
  for (const parallel::RankTrace& trace : step.ranks)
    if (trace.empty() || trace.front().kind != TracedSpan::Kind::step || trace.front().end <= trace.front().start)
      throw core::Error(core::ExitCode::usage, "a rank has no step");
  return step;
}

}  // namespace

std::string trace_name(std::int64_t step) {
  return fmt::format("trace/step-{:08}.json", step);
}

std::map<std::int64_t, fs::path> traces(const fs::path& run_dir) {
  constexpr std::string_view kBeforeStep = "step-";
  std::error_code error;
  std::map<std::int64_t, fs::path> found;
  for (const auto& entry : fs::directory_iterator(run_dir / "trace", error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kBeforeStep)) continue;
    std::int64_t step = 0;
    std::from_chars(name.data() + kBeforeStep.size(), name.data() + name.size(), step);
    if (entry.path() == run_dir / trace_name(step)) found[step] = entry.path();
  }
  return found;
}

std::optional<fs::path> newest_trace(const fs::path& run_dir) {
  const auto all = traces(run_dir);
  return all.empty() ? std::nullopt : std::optional(all.rbegin()->second);
}

std::string trace_head(const TracedStep& step) {
  const parallel::ParallelDims& dims = step.dims;
  return fmt::format(
      "{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"program\":\"baleen\",\"step\":{},\"device\":{},\"tensor\":{},"
      "\"context\":{},\"data_shard\":{},\"data_replicate\":{},\"pipeline\":{}}},\n\"traceEvents\":[\n"
      "{{\"name\":\"step {}\",\"cat\":\"step\",\"ph\":\"I\",\"s\":\"g\",\"ts\":0,\"pid\":0,\"tid\":0}}",
      step.step, json(step.device).dump(), dims.tensor, dims.context, dims.data_shard, dims.data_replicate,
      dims.pipeline, step.step);
}

std::string trace_events(const parallel::RankTrace& trace, int rank, const parallel::ParallelDims& dims) {
  const parallel::MeshCoordinates at = parallel::coordinates_of(rank, dims);
  std::string text = metadata("process_name", rank, 0,
                              fmt::format(R"("name":"rank {}: pipeline {}, replicate {}, shard {}, tensor {}")", rank,
                                          at.pipeline, at.data_replicate, at.data_shard, at.tensor)) +
                     metadata("process_sort_index", rank, 0, fmt::format(R"("sort_index":{})", rank)) +
                     metadata("thread_name", rank, 0, R"("name":"compute")");
  std::vector<std::string> axes;
  for (const TracedSpan& span : trace) {
    std::size_t thread = 0;
    if (span.kind == TracedSpan::Kind::operation) {
      const auto found = std::ranges::find(axes, span.axis);
      thread = static_cast<std::size_t>(found - axes.begin()) + 1;
      if (found == axes.end()) {
        axes.push_back(span.axis);
        text += metadata("thread_name", rank, thread, fmt::format(R"("name":"{}")", span.axis));
      }
    }
    text += fmt::format(
        ",\n{{\"name\":\"{}\",\"cat\":\"{}\",\"ph\":\"X\",\"ts\":{:.3f},\"dur\":{:.3f},\"pid\":{},\"tid\":{},"
        "\"args\":{{{}}}}}",
        title(span), kKinds[static_cast<std::size_t>(span.kind)], span.start * kMicro, (span.end - span.start) * kMicro,
        rank, thread, arguments(span));
  }
  return text;
}

std::string trace_tail() {
  return "\n]}\n";
}

TracedStep read_trace(const fs::path& path) {
  const auto no_trace = [&](const std::string& reason) {
    return core::Error(core::ExitCode::usage, fmt::format("{} is no trace of Baleen: {}", path.string(), reason),
                       "train again with metrics.trace_step, or remove the file");
  };
  const std::string text = core::read_file(path);
  try {
    return step_of(json::parse(text));
  } catch (const json::exception& error) {
    throw no_trace(core::json_fault(error, text));
  } catch (const std::out_of_range&) {
    throw no_trace("it names a rank that its mesh does not have");
  } catch (const core::Error& error) {
    if (error.code() != core::ExitCode::usage) throw;
    throw no_trace(error.what());
  }
}

}  // namespace baleen::trainer
