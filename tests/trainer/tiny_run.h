#pragma once
// Tiny runs for tests of the training loop: a few thousand parameters on text made up on the spot.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "parallel/communicator.h"
#include "tests/support/temporary_folder.h"
#include "trainer/trainer.h"

namespace baleen::tests {

/// Two layers with grouped-query heads, Q/K norms, QKV bias; global batch 8, micro-batches of 1, clipping active;
/// trains on a dataset that is written into `folder`. precision: precision.compute, or "fp8/" and a recipe: all linear
/// layers are in FP8 then.
trainer::Config tiny_config(const std::filesystem::path& folder, const std::string& precision);

struct Outcome {
  core::ExitCode code = core::ExitCode::ok;
  std::vector<double> losses;  // by step, as metrics.jsonl has them
  std::vector<double> grad_norms;
  std::vector<bool> skipped;
  std::vector<double> loss_scales;
  std::vector<double> seconds;
  std::vector<double> validation_losses;
  std::vector<std::string> happened;                      // lines of events.jsonl: skipped steps and validations
  std::map<std::string, std::vector<double>> parameters;  // all masters, from the last checkpoint
};

struct RunOptions {
  std::filesystem::path run_dir;
  std::optional<std::filesystem::path> resume = std::nullopt;    // a checkpoint
  std::function<trainer::Requests(std::int64_t)> requests = {};  // by steps done, on rank 0
  /// On every rank at each step border: puts something wrong into the step that comes.
  std::function<void(trainer::Trainer& trainer, int rank)> before_step = {};
  at::Device device = at::kCPU;
  parallel::DeviceCommunicatorFactory communicators = {};  // of the device, unless a test brings its own
};

/// For comparing to the bit: what is not a number equals itself.
std::vector<std::uint64_t> bits(const std::vector<double>& values);

/// For RunOptions::before_step: on that rank, weights of the first layer are infinite in the step after `steps_done`
/// ones, and themselves again after it. In half precision, where masters are apart and stay.
std::function<void(trainer::Trainer&, int)> overflow_after(std::int64_t steps_done, int rank);

/// Losses, validation losses and norms within 1e-12, parameters within 1e-10 of their tensor's largest absolute value,
/// skips equal: what two layouts owe each other in FP64. Otherwise what differs, for a test to print.
std::string difference(const Outcome& expected, const Outcome& actual);

/// One run of the real training loop over `world`; rank 0's outcome, empty vectors elsewhere. Collective.
Outcome run_rank(const trainer::Config& config, parallel::Communicator& world, const RunOptions& options);

/// The same with `ranks` threads.
Outcome run_with_threads(const trainer::Config& config, int ranks, const RunOptions& options);

}  // namespace baleen::tests
