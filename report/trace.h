#pragma once
// The part of report.html that shows a traced step. Internal to the report.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace baleen::report {

/// The schedule, planned and measured, where the run has a pipeline; and where the time of each rank went. Empty for a
/// run without a trace; what cannot be read is told in `notes`.
std::string traced_step_section(const std::filesystem::path& run_dir, const std::optional<trainer::Config>& config,
                                std::vector<std::string>& notes);

}  // namespace baleen::report
