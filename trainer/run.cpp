#include "trainer/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>

#include "checkpoint/branch.h"
#include "checkpoint/directory.h"
#include "checkpoint/manifest.h"
#include "checkpoint/reader.h"
#include "core/counted.h"
#include "core/digest.h"
#include "core/filesystem.h"
#include "core/log.h"
#include "parallel/agreement.h"
#include "parallel/nccl_communicator.h"
#include "parallel/text_exchange.h"
#include "trainer/banner.h"
#include "trainer/config_changes.h"
#include "trainer/device_info.h"
#include "trainer/trainer.h"

namespace baleen::trainer {
namespace {

namespace fs = std::filesystem;

constexpr char kSmallerStates[] =
    "weights, gradients and optimizer do not fit (`baleen check` counts them): shard them over more ranks with "
    "parallelism.zero_stage=3, or make the model smaller";

/// Signals of every rank, control files through rank 0.
Requests poll(launch::Signals& signals, const RunDirectory* run) {
  Requests requests;
  requests.stop = signals.save_and_exit() || signals.stop();
  requests.save = signals.take_save();
  if (run != nullptr) {
    requests.stop |= run->take_stop();
    requests.save |= run->take_save();
  }
  return requests;
}

/// Rank 0 opens the directory; all ranks learn of a failure.
std::unique_ptr<RunDirectory> open_run(const RunRequest& request, launch::Process& process) {
  std::unique_ptr<RunDirectory> run;
  parallel::succeed_together(process.world(), [&] {
    if (process.rank() != 0) return;
    std::error_code none;
    if (request.resume_step && !fs::is_directory(request.run_dir, none))
      throw core::Error(core::ExitCode::usage,
                        fmt::format("there is no run directory {} with a step {} to go on from",
                                    request.run_dir.string(), *request.resume_step),
                        "check --run-dir or run.name, or begin a run without --resume");
    const bool again = request.resume || request.resume_step.has_value();
    run =
        std::make_unique<RunDirectory>(request.run_dir, again ? RunDirectory::Open::resume : RunDirectory::Open::fresh);
    core::log_to_file(run->path() / "log" / "rank-00000.log");
    const bool stop = run->take_stop(), save = run->take_save();
    if (stop || save)
      core::log_warning(
          fmt::format("{} was there before this run was ready, and is removed: create it again if it is meant",
                      (run->path() / (stop ? "STOP" : "SAVE")).string()));
  });
  return run;
}

/// A path may mean another disk on each node, which would be found only when the first checkpoint lacks parts. Rank 0
/// makes a file that no rank can have seen before, all look for it, and it goes.
void require_shared(const RunDirectory* run, const fs::path& run_dir, launch::Process& process) {
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  const fs::path probe = run_dir / parallel::broadcast_text(process.world(), fmt::format("start-{:x}", now), 0);
  std::error_code none;
  try {
    parallel::succeed_together(process.world(), [&] {
      if (run != nullptr) core::write_file_atomically(probe, "");
    });
    parallel::succeed_together(process.world(), [&] {
      if (!fs::exists(probe, none))
        throw core::Error(
            core::ExitCode::environment,
            fmt::format("{} does not see what rank 0 writes into the run directory: its {} is another one",
                        process.host(), fs::absolute(run_dir).string()),
            "name a folder on a file system that all ranks share, by its full path, with --run-dir or "
            "run.dir");
    });
  } catch (const parallel::AgreedError&) {
    if (run != nullptr) fs::remove(probe, none);
    throw;
  }
  if (run != nullptr) fs::remove(probe, none);
}

/// Its path, and what its manifest says: that holds the digests of all else.
std::string identity(const fs::path& checkpoint) {
  const core::Digest manifest = core::digest_of(core::read_file(checkpoint / checkpoint::kManifestName));
  return fmt::format("{} with manifest {}", checkpoint.string(), manifest.hex());
}

/// The checkpoint to go on from. All ranks look for themselves, and must find the same.
std::optional<fs::path> checkpoint_to_resume(const RunRequest& request, launch::Process& process) {
  std::optional<checkpoint::FoundCheckpoint> found;
  std::string what = "none";
  parallel::succeed_together(process.world(), [&] {
    if (request.resume_step) {
      if (const std::int64_t steps = request.config.training.steps; *request.resume_step > steps)
        throw core::Error(core::ExitCode::usage,
                          fmt::format("--resume={} lies beyond training.steps={}", *request.resume_step, steps),
                          "raise training.steps, or name an earlier step");
      found = checkpoint::find_checkpoint(request.run_dir, request.resume_step);
    } else if (request.resume) {
      found = checkpoint::newest_checkpoint(request.run_dir);
      if (!found) checkpoint::require_never_saved(request.run_dir);
    }
    if (found) what = identity(found->path);
  });
  parallel::require_in_common(process.world(), {{"the checkpoint to go on from", what, core::ExitCode::environment}});
  if (!found) return std::nullopt;
  if (process.rank() == 0)
    for (const std::string& note : found->notes) core::log_warning(note);
  return found->path;
}

/// Makes the step that was loaded the newest of the run's history.
void leave_newer_checkpoints(const fs::path& run_dir, std::int64_t step) {
  const std::vector<std::int64_t> left = checkpoint::go_on_from(run_dir, step);
  if (left.empty()) return;
  core::log_info(
      fmt::format("going on from step {}: checkpoints of later steps ({}) are left behind, set aside as {}; "
                  "the next saves remove them first, as checkpoint.keep says (copy what you want to keep)",
                  step, fmt::join(left, ", "), (run_dir / "checkpoints" / "step-*.abandoned-*").string()));
}

/// Before anything is built: what cannot change within a run. A step is a number of sequences (the sampler's place in
/// the data is counted in them), states are an optimizer's, and the model's sizes are those of its tensors.
void check_continues(const fs::path& checkpoint, const Config& saved, const Config& config) {
  std::vector<std::string> keys, values;
  const auto keep = [&](const char* key, const auto& was, const auto& is) {
    if (was == is) return;
    keys.emplace_back(key);
    values.push_back(fmt::format("{}={}", key, was));
  };
  keep("training.global_batch_size", saved.training.global_batch_size, config.training.global_batch_size);
  keep("optimizer.name", saved.optimizer.name, config.optimizer.name);
  keep("model.layers", saved.model.layers, config.model.layers);
  keep("model.dim", saved.model.dim, config.model.dim);
  keep("model.ffn_dim", saved.model.ffn_dim, config.model.ffn_dim);
  keep("model.vocab_size", saved.model.vocab_size, config.model.vocab_size);
  keep("model.heads", saved.model.heads, config.model.heads);
  keep("model.kv_heads", saved.model.kv_heads, config.model.kv_heads);
  if (keys.empty()) return;
  const std::string changes = changes_of_course(saved, config, checkpoint::read_manifest(checkpoint).optimizer_step);
  throw core::Error(core::ExitCode::usage,
                    fmt::format("{} cannot be resumed with another {}; changed are:{}", checkpoint.string(),
                                fmt::join(keys, " and "), changes),
                    fmt::format("say {}, or begin a run of its own without --resume", fmt::join(values, " ")));
}

void warn_of_changes(const fs::path& checkpoint, const Config& saved, const Config& config) {
  const std::string changes = changes_of_course(saved, config, checkpoint::read_manifest(checkpoint).optimizer_step);
  if (!changes.empty())
    core::log_warning("from here on this is another training than the one that was saved:" + changes);
}

/// Of a run with more steps than are asked for. Its record stays as it is.
core::ExitCode nothing_to_do(const RunDirectory* run, std::int64_t done, std::int64_t steps) {
  if (run != nullptr)
    core::log_info(fmt::format("nothing to do: the run has done {}, and training.steps is {}; to go on, raise it",
                               core::counted(done, "step"), steps));
  return core::ExitCode::ok;
}

}  // namespace

core::ExitCode run_training(const RunRequest& request, launch::Process& process, launch::Signals& signals) {
  const Config& config = request.config;
  parallel::Mesh mesh(config.dims(process.size()), process.world(), parallel::device_communicators(process.device()),
                      mesh_options(config));
  const std::string resolved = to_toml(config);
  const std::unique_ptr<RunDirectory> run = open_run(request, process);
  require_shared(run.get(), request.run_dir, process);
  if (run)
    for (const std::string& idle : idle_settings(config, process.size())) core::log_warning(idle);

  TrainerOptions options;
  options.device = process.device();
  options.requests = [&signals, &run] { return poll(signals, run.get()); };
  options.run = run.get();
  options.run_dir = request.run_dir;
  options.resolved_config = resolved;
  options.device_name = device_name(process.device());
  options.versions = library_versions();
  options.planned_communicators_gib = request.planned_communicators_gib;

  const auto checkpoint = checkpoint_to_resume(request, process);
  Config saved;
  std::int64_t done = 0;
  if (checkpoint)
    parallel::succeed_together(process.world(), [&] {
      // A damaged one must not be taken for another course.
      done = checkpoint::CheckpointReader::open(*checkpoint).manifest().step;
      saved = read_config(*checkpoint / checkpoint::kConfigName, {}).config;
      check_continues(*checkpoint, saved, config);
    });
  if (done > config.training.steps) return nothing_to_do(run.get(), done, config.training.steps);
  if (run && !checkpoint && request.resume)
    core::log_info(fmt::format("{} has no checkpoint yet: starting with step 1", request.run_dir.string()));

  std::unique_ptr<Trainer> trainer;
  parallel::succeed_together(
      process.world(), [&] { trainer = std::make_unique<Trainer>(config, mesh, options); }, kSmallerStates);
  if (run) print_banner(config, mesh, process, *trainer);
  if (checkpoint) {
    parallel::succeed_together(process.world(), [&] { trainer->resume(*checkpoint); });
    if (run) core::log_info(fmt::format("resumed from {}", checkpoint->string()));
    if (run && done < config.training.steps) warn_of_changes(*checkpoint, saved, config);
  }
  // Only now: a start that failed leaves the record of the run as it was, and so does one that has no step to do.
  parallel::succeed_together(process.world(), [&] {
    if (!run) return;
    if (checkpoint) leave_newer_checkpoints(request.run_dir, trainer->steps_done());
    if (done < config.training.steps) run->write("config.toml", resolved);
    run->write("env.json", environment_json(process));
    run->rewind_logs(trainer->steps_done());
  });

  const core::ExitCode outcome = trainer->run();
  if (run && outcome == core::ExitCode::requeue)
    core::log_info(fmt::format("stopped on request with {} of {} steps done; go on with --resume",
                               trainer->steps_done(), config.training.steps));
  return outcome;
}

}  // namespace baleen::trainer
