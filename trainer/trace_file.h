#pragma once
// RUN/trace/step-00000005.json: one traced step of all ranks in the Trace Event Format, which Perfetto
// (ui.perfetto.dev) and chrome://tracing open. A process is a rank; its first thread is the stream that computes, the
// others are its communicators. No LibTorch.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parallel/parallel_dims.h"
#include "parallel/traced_span.h"

namespace baleen::trainer {

struct TracedStep {
  std::int64_t step = 0;  // counted from 1
  std::string device;     // as the driver calls it; empty on the CPU
  parallel::ParallelDims dims;
  std::vector<parallel::RankTrace> ranks;  // times in seconds from the start of the step
};

/// "trace/step-00000005.json"
std::string trace_name(std::int64_t step);
/// Those of a run, by step.
std::map<std::int64_t, std::filesystem::path> traces(const std::filesystem::path& run_dir);
/// The one of the latest step.
std::optional<std::filesystem::path> newest_trace(const std::filesystem::path& run_dir);

/// The file, made of what is common to the ranks and the events of each rank.
std::string trace_head(const TracedStep& step);  // its `ranks` are not read
std::string trace_events(const parallel::RankTrace& trace, int rank, const parallel::ParallelDims& dims);
std::string trace_tail();

/// Throws Error(usage) for what is no such file, Error(storage).
TracedStep read_trace(const std::filesystem::path& path);

}  // namespace baleen::trainer
