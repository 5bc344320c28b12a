#pragma once
// report.html: what a run did, on one page that needs nothing else: inline SVG curves, no scripts, light and dark.

#include <filesystem>
#include <string>
#include <vector>

namespace baleen::report {

struct Report {
  std::filesystem::path path;      // RUN/report.html
  std::vector<std::string> notes;  // lines of the logs that could not be read: "metrics.jsonl:17: ..."
};

/// Reads RUN/metrics.jsonl, events.jsonl, config.toml, env.json and the newest trace as far as they are there, and
/// replaces RUN/report.html whole. May be called while the run goes on. Throws Error(usage) where `run_dir` holds no
/// run, Error(storage).
Report write_report(const std::filesystem::path& run_dir);

}  // namespace baleen::report
