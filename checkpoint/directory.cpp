#include "checkpoint/directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "checkpoint/durable.h"
#include "checkpoint/manifest.h"
#include "checkpoint/step_names.h"
#include "core/config.h"
#include "core/config_value.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

/// What LATEST says; none where there is no such file. Without what it says nobody knows which history holds.
std::optional<std::string> latest_name(const fs::path& checkpoints) {
  std::error_code error;
  if (!fs::exists(checkpoints / kLatestName, error)) return std::nullopt;
  try {
    std::string name = core::read_file(checkpoints / kLatestName);
    while (!name.empty() && name.back() == '\n') name.pop_back();
    return name;
  } catch (const core::Error& unreadable) {
    throw core::Error(unreadable.code(), unreadable.what(),
                      "let it be read, or remove it: then --resume goes on from the checkpoint that was saved last");
  }
}

/// What a run's LATEST and its checkpoints were, looked at in this order.
struct History {
  std::optional<std::string> latest;
  std::vector<ListedCheckpoint> listed;
};

/// As fault_of_latest().
std::string fault_of(const History& history) {
  const std::optional<std::string>& name = history.latest;
  if (!name || std::ranges::any_of(history.listed, &ListedCheckpoint::latest)) return "";
  if (name->empty()) return "LATEST is empty";
  return step_of(*name) ? fmt::format("LATEST names {}, which is not there", *name) : "LATEST names no checkpoint";
}

std::int64_t bytes_in(const fs::path& directory) {
  std::int64_t sum = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::uintmax_t size = entry.file_size(error);
    if (!error) sum += static_cast<std::int64_t>(size);
  }
  return sum;
}

/// The directories of RUN/checkpoints by what their names say.
struct Standing {
  std::map<std::int64_t, fs::path> history;
  std::multimap<std::int64_t, fs::path> abandoned;
};

Standing standing_in(const fs::path& checkpoints) {
  Standing standing;
  std::error_code error;
  if (!fs::is_directory(checkpoints, error)) return standing;
  std::map<std::int64_t, fs::path> replaced;
  for (const fs::path& path : entries_of(checkpoints)) {
    if (!fs::is_directory(path, error)) continue;
    const std::string name = path.filename();
    if (const auto plain = step_of(name)) standing.history[*plain] = path;
    if (const auto older = marked_step_of(name, Mark::replaced)) replaced[*older] = path;
    if (const auto left = marked_step_of(name, Mark::abandoned)) standing.abandoned.emplace(*left, path);
  }
  standing.history.merge(replaced);  // only where the newer one has not taken the name
  return standing;
}

ListedCheckpoint inspect_step(std::int64_t step, const fs::path& path) {
  ListedCheckpoint listed = inspect_checkpoint(path);
  if (listed.complete() && listed.step != step)
    listed.fault = fmt::format("{}: holds step {}", path.string(), listed.step);
  listed.step = step;
  return listed;
}

History look_at(const fs::path& checkpoints) {
  History seen{latest_name(checkpoints), {}};
  for (const auto& [step, path] : standing_in(checkpoints).history) {
    seen.listed.push_back(inspect_step(step, path));
    seen.listed.back().latest = step_directory_name(step) == seen.latest;
  }
  return seen;
}

/// A save in between may have removed what LATEST named, and named another one: a second look tells.
History history_in(const fs::path& checkpoints) {
  History seen = look_at(checkpoints);
  return fault_of(seen).empty() ? seen : look_at(checkpoints);
}

std::string steps_text(const std::vector<ListedCheckpoint>& listed, const fs::path& except = {}) {
  std::vector<std::int64_t> steps;
  for (const ListedCheckpoint& checkpoint : listed)
    if (with_file_lengths(checkpoint).complete() && checkpoint.path.filename() != except.filename())
      steps.push_back(checkpoint.step);
  return fmt::format("{}", fmt::join(steps, ", "));
}

/// Of a run that began: its configuration tells when it will. Throws where its events tell that it has.
core::Error not_saved_yet(const fs::path& run_dir) {
  require_never_saved(run_dir);
  std::int64_t every = 0, steps = 0;
  for (const core::ConfigEntry& entry : core::read_config_source(run_dir / kConfigName, {}).entries) {
    if (entry.section == "checkpoint" && entry.key == "every") (void)core::read_value(entry.value, every);
    if (entry.section == "training" && entry.key == "steps") (void)core::read_value(entry.value, steps);
  }
  const std::int64_t first = every > 0 ? std::min(every, steps) : steps;
  return {core::ExitCode::usage,
          fmt::format("the run {} has not saved yet; its first save comes at step {}", run_dir.string(), first),
          fmt::format(
              "if it is under way, wait, or touch {} to have it save at once; if it has ended, --resume starts it anew",
              (run_dir / "SAVE").string())};
}

const char* words(StepOption option) {
  return option == StepOption::resume ? "--resume=STEP" : "--step STEP";
}

}  // namespace

fs::path checkpoints_directory(const fs::path& run_dir) {
  return run_dir / "checkpoints";
}

ListedCheckpoint inspect_checkpoint(const fs::path& path) {
  ListedCheckpoint listed{path, 0, "", bytes_in(path), false, false, ""};
  try {
    const Manifest manifest = read_manifest(path);
    listed.step = manifest.step;
    listed.saved = manifest.saved;
  } catch (const core::Error& error) {
    listed.fault = error.what();
  }
  return listed;
}

ListedCheckpoint with_file_lengths(ListedCheckpoint listed) {
  if (!listed.complete()) return listed;
  try {
    check_files(read_manifest(listed.path), listed.path);
  } catch (const core::Error& error) {
    listed.fault = error.what();
  }
  return listed;
}

std::vector<ListedCheckpoint> list_checkpoints(const fs::path& run_dir) {
  return history_in(checkpoints_directory(run_dir)).listed;
}

std::vector<ListedCheckpoint> list_abandoned(const fs::path& run_dir) {
  std::vector<ListedCheckpoint> listed;
  for (const auto& [step, path] : standing_in(checkpoints_directory(run_dir)).abandoned) {
    listed.push_back(inspect_step(step, path));
    listed.back().abandoned = true;
  }
  return listed;
}

std::string fault_of_latest(const fs::path& run_dir) {
  return fault_of(history_in(checkpoints_directory(run_dir)));
}

bool saved_before(const ListedCheckpoint& a, const ListedCheckpoint& b) {
  return std::tie(a.saved, a.step) < std::tie(b.saved, b.step);
}

std::optional<FoundCheckpoint> newest_checkpoint(const fs::path& run_dir, StepOption option) {
  const History history = history_in(checkpoints_directory(run_dir));
  if (history.listed.empty()) return std::nullopt;
  const std::optional<std::int64_t> latest = history.latest ? step_of(*history.latest) : std::nullopt;
  const ListedCheckpoint* newest = nullptr;
  std::vector<std::string> notes;
  std::vector<std::int64_t> beyond;
  for (const ListedCheckpoint& checkpoint : history.listed) {
    if (!checkpoint.complete()) {
      notes.push_back("passed over: " + checkpoint.fault);
    } else if (latest && checkpoint.step > *latest) {
      beyond.push_back(checkpoint.step);
    } else if (newest == nullptr || checkpoint.latest || saved_before(*newest, checkpoint)) {
      newest = &checkpoint;
    }
  }
  if (std::string fault = fault_of(history); !fault.empty()) notes.push_back(std::move(fault));
  if (newest != nullptr) return FoundCheckpoint{newest->path, std::move(notes)};
  throw core::Error(core::ExitCode::corrupt_checkpoint,
                    fmt::format("no complete checkpoint in {}: {}", run_dir.string(), fmt::join(notes, "; ")),
                    beyond.empty() ? "restore one from a copy, or start again in a new run directory"
                                   : fmt::format("beyond the one that LATEST names there are {}: {} takes one of them",
                                                 fmt::join(beyond, ", "), words(option)));
}

FoundCheckpoint find_checkpoint(const fs::path& run_or_checkpoint, std::optional<std::int64_t> step,
                                StepOption option) {
  std::error_code error;
  const fs::path& path = run_or_checkpoint;
  if (!fs::is_directory(path, error))
    throw core::Error(core::ExitCode::usage,
                      fs::exists(path, error) ? path.string() + " is a file" : "there is no " + path.string(),
                      "name a run directory or one of its checkpoints/step-* directories");
  if (!step && fs::exists(path / kManifestName, error)) return {path, {}};
  if (!step) {
    if (auto newest = newest_checkpoint(path, option)) return *std::move(newest);
    if (fs::exists(path / kConfigName, error)) throw not_saved_yet(path);
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} is neither a checkpoint nor a run that has one", path.string()),
                      "name a run directory or one of its checkpoints/step-* directories");
  }
  const Standing standing = standing_in(checkpoints_directory(path));
  if (const auto at = standing.history.find(*step); at != standing.history.end()) return {at->second, {}};
  if (const auto at = standing.abandoned.find(*step); at != standing.abandoned.end())
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("step {} of {} was left behind when the run went on from an older step", *step, path.string()),
        option == StepOption::step
            ? fmt::format("it stands aside: give its path, {}, in place of the run's", at->second.string())
            : fmt::format("copy {} to NEW_RUN/checkpoints/{} and resume in that run directory", at->second.string(),
                          step_directory_name(*step)));
  const std::string steps = steps_text(list_checkpoints(path));
  if (steps.empty() && list_checkpoints(path).empty() && fs::exists(path / kConfigName, error))
    throw not_saved_yet(path);
  throw core::Error(core::ExitCode::usage, fmt::format("{} has no checkpoint of step {}", path.string(), *step),
                    steps.empty()
                        ? "this run has no complete checkpoint"
                        : fmt::format("choose one of these steps: {}; checkpoint.keep says how many stay", steps));
}

void require_never_saved(const fs::path& run_dir) {
  std::error_code error;
  const fs::path events = run_dir / "events.jsonl";
  if (!fs::exists(events, error) || core::read_file(events).find("\"event\":\"checkpoint\"") == std::string::npos)
    return;
  throw core::Error(core::ExitCode::corrupt_checkpoint,
                    fmt::format("the run {} has saved checkpoints, but {} holds none", run_dir.string(),
                                checkpoints_directory(run_dir).string()),
                    "bring them back (moved, or on a disk that is not mounted?), or begin anew in another --run-dir");
}

std::string next_action_for_damage(const fs::path& checkpoint, StepOption option) {
  // Without the separator that may end it, which would make it its own parent.
  const fs::path itself = fs::absolute(checkpoint / "").lexically_normal().parent_path();
  const std::string steps = steps_text(history_in(itself.parent_path()).listed, itself);
  if (steps.empty()) return "no other checkpoint is beside it: restore this one from a copy, or start again";
  return fmt::format("take another one with {}; these are complete: {}", words(option), steps);
}

}  // namespace baleen::checkpoint
