#include "trainer/run_log.h"

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/filesystem.h"
#include "core/json_fault.h"

namespace baleen::trainer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

double number(const json& object, const char* key) {
  const json& value = object.at(key);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

StepMetrics step_metrics(const json& object) {
  StepMetrics metrics;
  metrics.step = object.at("step");
  metrics.loss = number(object, "loss");
  metrics.grad_norm = number(object, "grad_norm");
  metrics.lr = number(object, "lr");
  metrics.loss_scale = number(object, "loss_scale");
  metrics.skipped = object.at("skipped");
  metrics.tokens = object.at("tokens");
  metrics.step_seconds = number(object, "step_seconds");
  metrics.tokens_per_second = number(object, "tokens_per_second");
  metrics.tokens_per_second_per_gpu = number(object, "tokens_per_second_per_gpu");
  metrics.mfu = number(object, "mfu");
  metrics.memory_gib = number(object, "memory_gib");
  metrics.data_seconds = number(object, "data_seconds");
  return metrics;
}

/// Appends, and drops what an earlier attempt said of this and later steps.
template <class Entry>
void append(std::vector<Entry>& entries, Entry entry) {
  while (!entries.empty() && entries.back().step >= entry.step) entries.pop_back();
  entries.push_back(std::move(entry));
}

void take_event(RunLog& log, const json& object) {
  const std::string event = object.at("event");
  const std::int64_t step = object.at("step");
  if (event == "validation")
    append(log.validations, {step, number(object, "loss"), number(object, "bits_per_byte")});
  else if (event == "sample")
    append(log.samples, {step, object.at("text").get<std::string>()});
  else if (event == "skipped_step")
    append(log.skipped, {step, object.at("message").get<std::string>()});
  else if (event == "checkpoint")
    log.checkpoints.push_back(step);  // others are not the report's
}

void read_lines(const fs::path& path, std::vector<std::string>& notes,
                const std::function<void(const json& object)>& take) {
  std::error_code error;
  if (!fs::exists(path, error)) return;
  const std::string text = core::read_file(path);
  std::size_t begin = 0;
  for (std::int64_t line = 1; begin < text.size(); ++line) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) return;  // not ended
    const std::string_view object = std::string_view(text).substr(begin, end - begin);
    try {
      if (!object.empty()) take(json::parse(object));
    } catch (const json::parse_error& failure) {
      notes.push_back(
          fmt::format("{}:{}: left out, not readable JSON at byte {}", path.filename().string(), line, failure.byte));
    } catch (const json::exception& failure) {
      notes.push_back(
          fmt::format("{}:{}: left out, {}", path.filename().string(), line, core::json_fault(failure, object)));
    }
    begin = end + 1;
  }
}

}  // namespace

RunLog read_run_log(const fs::path& run_dir) {
  RunLog log;
  read_lines(run_dir / "metrics.jsonl", log.notes,
             [&](const json& object) { append(log.steps, step_metrics(object)); });
  read_lines(run_dir / "events.jsonl", log.notes, [&](const json& object) { take_event(log, object); });
  return log;
}

}  // namespace baleen::trainer
