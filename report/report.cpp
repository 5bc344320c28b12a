#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/filesystem.h"
#include "core/version.h"
#include "models/llama_parameters.h"
#include "report/style.h"
#include "report/svg_chart.h"
#include "report/trace.h"
#include "trainer/config.h"
#include "trainer/run_log.h"

namespace baleen::report {
namespace {

using trainer::Config, trainer::duration, trainer::ReadConfig, trainer::read_config, trainer::read_run_log,
    trainer::RunLog, trainer::SampleText, trainer::SkippedStep, trainer::StepMetrics, trainer::ValidationPoint;

namespace fs = std::filesystem;
using Rows = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kSmoothFrom = 60;  // steps; fewer are a line that needs no help
constexpr std::size_t kSamplesShown = 2;
constexpr std::size_t kSkipsShown = 20;

std::string card(const std::string& value, const std::string& what) {
  return fmt::format("<div class=\"card\"><b>{}</b><span>{}</span></div>\n", html_escape(value), html_escape(what));
}

std::string table(const Rows& rows) {
  std::string out = "<table>\n";
  for (const auto& [name, value] : rows)
    out += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escape(name), html_escape(value));
  return out + "</table>\n";
}

ChartSeries series(const RunLog& log, const std::string& name, const auto& value) {
  ChartSeries out{name, {}, false, false};
  for (const StepMetrics& step : log.steps) out.points.push_back({static_cast<double>(step.step), value(step)});
  return out;
}

double median(const ChartSeries& of) {
  std::vector<double> values;
  for (const ChartPoint& point : of.points)
    if (std::isfinite(point.y)) values.push_back(point.y);
  if (values.empty()) return std::nan("");
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

Chart loss_chart(const RunLog& log) {
  Chart chart{"Loss", "", {}, false, false, 0};
  chart.series.push_back(series(log, "training", [](const StepMetrics& m) { return m.loss; }));
  const std::vector<ChartPoint>& raw = chart.series[0].points;
  ChartSeries smoothed{"training, smoothed", smooth(raw, raw.size() / 80), false, false};
  if (raw.size() >= kSmoothFrom) {
    chart.series[0].faint = true;
  } else {
    smoothed.points.clear();
  }
  chart.series.push_back(std::move(smoothed));
  ChartSeries validation{"validation", {}, false, true};
  for (const ValidationPoint& point : log.validations)
    validation.points.push_back({static_cast<double>(point.step), point.loss});
  chart.series.push_back(std::move(validation));
  return chart;
}

std::vector<Chart> charts(const RunLog& log) {
  const auto one = [&](const char* title, const char* unit, bool logarithmic, bool from_zero, const auto& value) {
    return Chart{title, unit, {series(log, title, value)}, logarithmic, from_zero, 0};
  };
  std::vector<Chart> all;
  all.push_back(loss_chart(log));
  all.push_back(one("Learning rate", "", false, true, [](const StepMetrics& m) { return m.lr; }));
  all.push_back(one("Gradient norm", "", true, false, [](const StepMetrics& m) { return m.grad_norm; }));
  all.push_back(one("Tokens per second", "", false, true, [](const StepMetrics& m) { return m.tokens_per_second; }));
  if (std::ranges::any_of(log.steps, [](const StepMetrics& m) { return m.mfu > 0; }))
    all.push_back(one("Model FLOP utilisation", "%", false, true, [](const StepMetrics& m) { return 100 * m.mfu; }));
  all.push_back(
      one("Memory, peak of rank 0 (GiB)", " GiB", false, true, [](const StepMetrics& m) { return m.memory_gib; }));
  all.push_back(one("Share of the step spent waiting for data", "%", false, true, [](const StepMetrics& m) {
    return m.step_seconds > 0 ? 100 * m.data_seconds / m.step_seconds : std::nan("");
  }));
  all.back().at_least = 10;
  if (std::ranges::any_of(log.steps, [](const StepMetrics& m) { return m.loss_scale != 1; }))
    all.push_back(one("Loss scale", "", true, false, [](const StepMetrics& m) { return m.loss_scale; }));
  return all;
}

std::string figure(const Chart& chart) {
  std::string legend;
  for (std::size_t i = 0; chart.series.size() > 1 && i < chart.series.size(); ++i)
    if (!chart.series[i].points.empty())
      legend += fmt::format("<span><i style=\"background:var(--s{});opacity:{}\"></i>{}</span>", i,
                            chart.series[i].faint ? 0.4 : 1, html_escape(chart.series[i].name));
  return fmt::format("<figure><figcaption>{}{}</figcaption>\n{}</figure>\n", html_escape(chart.title), legend,
                     svg(chart));
}

std::string cards(const RunLog& log) {
  if (log.steps.empty()) return "";
  std::string out;
  if (!log.validations.empty()) {
    const ValidationPoint& last = log.validations.back();
    out += card(fmt::format("{:.4f}", last.loss), fmt::format("validation loss, step {}", last.step));
    if (std::isfinite(last.bits_per_byte)) out += card(fmt::format("{:.3f}", last.bits_per_byte), "bits per byte");
  }
  const StepMetrics& last = log.steps.back();
  out += card(fmt::format("{:.4f}", last.loss), fmt::format("training loss, step {}", last.step));
  double seconds = 0, tokens = 0;
  std::int64_t skipped = 0;
  for (const StepMetrics& step : log.steps) {
    if (std::isfinite(step.step_seconds)) seconds += step.step_seconds;
    tokens += static_cast<double>(step.tokens);
    skipped += step.skipped;
  }
  out += card(short_number(tokens), "tokens");
  const auto typical = [&](const auto& value) { return median(series(log, "", value)); };
  out += card(short_number(typical([](const StepMetrics& m) { return m.tokens_per_second; })), "tokens per second");
  if (const double mfu = typical([](const StepMetrics& m) { return m.mfu; }); mfu > 0)
    out += card(fmt::format("{:.1f}%", 100 * mfu), "model FLOP utilisation");
  out += card(duration(seconds), "training time");
  out += card(fmt::format("{}", skipped), skipped == 1 ? "step skipped" : "steps skipped");
  return "<div class=\"cards\">\n" + out + "</div>\n";
}

Rows config_rows(const Config& config) {
  const models::ModelConfig& model = config.model;
  const trainer::TrainingConfig& training = config.training;
  const parallel::ParallelConfig& parallelism = config.parallelism;
  const auto parameters = models::count_parameters(models::llama_units(model)).total();
  return {
      {"model", fmt::format("{}, {} parameters", model.family, short_number(static_cast<double>(parameters)))},
      {"shape", fmt::format("{} layers, dim {}, {} heads, {} KV heads, FFN {}, vocabulary {}", model.layers, model.dim,
                            model.heads, model.kv_heads, model.ffn_dim, model.vocab_size)},
      {"batch", fmt::format("{} sequences of {} tokens, micro-batches of {}", training.global_batch_size,
                            training.sequence_length, training.micro_batch_size)},
      {"steps", fmt::format("{}", training.steps)},
      {"optimizer", fmt::format("{}, learning rate {}, weight decay {}, clipping at {}", config.optimizer.name,
                                config.optimizer.lr, config.optimizer.weight_decay, config.optimizer.max_grad_norm)},
      {"schedule", fmt::format("{}, {} warm-up steps", config.lr_scheduler.name, config.lr_scheduler.warmup_steps)},
      {"parallelism", fmt::format("tensor {}, pipeline {}, ZeRO-{}", parallelism.tensor, parallelism.pipeline,
                                  parallelism.zero_stage)},
      {"computing in", config.precision.compute},
      {"data", config.data.train},
      {"seed", fmt::format("{}{}", config.run.seed, config.run.deterministic ? ", deterministic" : "")},
  };
}

/// Nested objects as rows: a library with version and path becomes one.
void add_rows(const nlohmann::ordered_json& object, Rows& rows) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_object() && value.contains("version")) {
      rows.emplace_back(name, value.value("version", "") + "  " + value.value("path", ""));
    } else if (value.is_object()) {
      add_rows(value, rows);
    } else {
      rows.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

Rows environment_rows(const fs::path& path, std::vector<std::string>& notes) {
  Rows rows;
  const auto json = nlohmann::ordered_json::parse(core::read_file(path), nullptr, /*allow_exceptions=*/false);
  if (json.is_object()) {
    add_rows(json, rows);
  } else {
    notes.push_back(path.filename().string() + ": left out, it is no JSON object");
  }
  return rows;
}

std::string samples(const RunLog& log) {
  if (log.samples.empty()) return "";
  const auto shown = [](const SampleText& sample) {
    return fmt::format("<p class=\"step\">step {}</p>\n<pre>{}</pre>\n", sample.step, html_escape(sample.text));
  };
  std::string recent, older;
  for (std::size_t i = log.samples.size(); i-- > 0;)
    (log.samples.size() - i <= kSamplesShown ? recent : older) += shown(log.samples[i]);
  if (!older.empty()) older = "<details><summary>earlier samples</summary>\n" + older + "</details>\n";
  return "<h2>What it writes</h2>\n" + recent + older;
}

std::string skipped_steps(const RunLog& log) {
  if (log.skipped.empty()) return "";
  Rows rows;
  for (const SkippedStep& skip : log.skipped) {
    if (rows.size() == kSkipsShown) {
      rows.emplace_back("...", fmt::format("and {} more in events.jsonl", log.skipped.size() - kSkipsShown));
      break;
    }
    rows.emplace_back(fmt::format("step {}", skip.step), skip.message);
  }
  return "<h2>Skipped steps</h2>\n" + table(rows);
}

std::string state_line(const RunLog& log, const std::optional<Config>& config) {
  if (log.steps.empty()) return "no step is done yet";
  std::string text = fmt::format("step {}", log.steps.back().step);
  if (config) text += fmt::format(" of {}", config->training.steps);
  if (!log.checkpoints.empty()) text += fmt::format(", last checkpoint at step {}", log.checkpoints.back());
  return text;
}

std::string notes_list(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string out = "<h2>What could not be read</h2>\n<ul class=\"notes\">\n";
  for (const std::string& note : notes) out += "<li>" + html_escape(note) + "</li>\n";
  return out + "</ul>\n";
}

/// What the run was configured with; none, with notes, where the file does not say.
std::optional<Config> run_config(const fs::path& path, std::vector<std::string>& notes) {
  ReadConfig read = read_config(path, {});
  for (const core::Problem& problem : read.problems) notes.push_back(problem.text());
  if (!read.problems.empty()) return std::nullopt;
  return std::move(read.config);
}

std::string page(const fs::path& run_dir, RunLog& log) {
  std::error_code error;
  std::optional<Config> config;
  std::string settings, environment, raw_config;
  if (fs::exists(run_dir / "config.toml", error)) {
    config = run_config(run_dir / "config.toml", log.notes);
    raw_config = "<details><summary>config.toml</summary>\n<pre>" +
                 html_escape(core::read_file(run_dir / "config.toml")) + "</pre></details>\n";
  }
  if (config) settings = "<div><h2>Configuration</h2>\n" + table(config_rows(*config)) + "</div>\n";
  if (fs::exists(run_dir / "env.json", error))
    environment = "<div><h2>Environment</h2>\n" + table(environment_rows(run_dir / "env.json", log.notes)) + "</div>\n";
  const std::string traced = traced_step_section(run_dir, config, log.notes);
  const std::string name =
      html_escape(config && !config->run.name.empty() ? config->run.name : fs::absolute(run_dir).filename().string());

  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{} - Baleen</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n<p class=\"state\">{}</p>\n",
      name, kReportStyle, name, html_escape(state_line(log, config)));
  out += cards(log) + notes_list(log.notes) + "<h2>Curves</h2>\n<div class=\"charts\">\n";
  for (const Chart& chart : charts(log)) out += figure(chart);
  out += "</div>\n" + traced + samples(log) + "<div class=\"tables\">\n" + settings + environment + "</div>\n" +
         skipped_steps(log) + raw_config;
  return out + fmt::format("<footer>Written by Baleen {}</footer>\n</main>\n</body>\n</html>\n", core::version());
}

}  // namespace

Report write_report(const fs::path& run_dir) {
  std::error_code error;
  if (!fs::exists(run_dir / "metrics.jsonl", error) && !fs::exists(run_dir / "config.toml", error))
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} is no run: it has neither metrics.jsonl nor config.toml", run_dir.string()),
                      "name the folder of a run, runs/NAME where nothing else was configured");
  RunLog log = read_run_log(run_dir);
  const std::string html = page(run_dir, log);
  Report report{run_dir / "report.html", std::move(log.notes)};
  core::write_file_atomically(report.path, html);
  return report;
}

}  // namespace baleen::report
