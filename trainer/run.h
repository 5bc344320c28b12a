#pragma once
// One training run from its configuration to its end: mesh, run directory, resume, training, what people see.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "launch/process.h"
#include "launch/signals.h"
#include "trainer/config.h"

namespace baleen::trainer {

struct RunRequest {
  Config config;
  std::filesystem::path run_dir;
  bool resume = false;                      // go on from the newest checkpoint; from the start where there is none
  std::optional<std::int64_t> resume_step;  // from this one instead, which must exist
  std::optional<double> planned_communicators_gib;  // TrainerOptions
};

/// Collective over the process's world. Follows `signals`. Returns ok or requeue; throws core::Error,
/// parallel::AgreedError where all ranks know of it.
core::ExitCode run_training(const RunRequest& request, launch::Process& process, launch::Signals& signals);

}  // namespace baleen::trainer
