#pragma once
// metrics.jsonl and events.jsonl of a run, read back.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trainer/metrics.h"

namespace baleen::trainer {

struct ValidationPoint {
  std::int64_t step = 0;
  double loss = 0;
  double bits_per_byte = 0;  // not a number where a token is no byte
};

struct SampleText {
  std::int64_t step = 0;
  std::string text;
};

struct SkippedStep {
  std::int64_t step = 0;
  std::string message;
};

/// Each list ascends by step. What was null (not finite) is not a number.
struct RunLog {
  std::vector<StepMetrics> steps;
  std::vector<ValidationPoint> validations;
  std::vector<SampleText> samples;
  std::vector<SkippedStep> skipped;
  std::vector<std::int64_t> checkpoints;  // steps
  std::vector<std::string> notes;         // "metrics.jsonl:17: ..." for each line that was left out
};

/// Missing files count as empty. A last line without its end is left out silently: the run is writing it, or died
/// there. Where a step comes twice (a run that went on from an older checkpoint), the later one counts. Throws
/// Error(storage).
RunLog read_run_log(const std::filesystem::path& run_dir);

}  // namespace baleen::trainer
