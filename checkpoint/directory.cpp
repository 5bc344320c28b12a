#include "checkpoint/directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "checkpoint/manifest.h"
#include "core/filesystem.h"

namespace baleen::checkpoint {
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStepPrefix = "step-";

/// The step of "step-00001000"; none for other names, leftovers ("step-00001000.partial-...") among them.
std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  std::int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kStepPrefix.size(), end, step);
  if (error != std::errc() || stop != end || step_directory_name(step) != name) return std::nullopt;
  return step;
}

/// What LATEST says; empty where there is none.
std::string latest_name(const fs::path& checkpoints) {
  std::error_code error;
  if (!fs::exists(checkpoints / kLatestName, error)) return "";
  std::string name = core::read_file(checkpoints / kLatestName);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
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

std::vector<ListedCheckpoint> list_in(const fs::path& checkpoints) {
  std::vector<ListedCheckpoint> listed;
  std::error_code error;
  if (!fs::is_directory(checkpoints, error)) return listed;
  const std::string latest = latest_name(checkpoints);
  fs::directory_iterator entries(checkpoints, error);
  if (error) throw core::storage_error("list", checkpoints, error.value());
  for (const fs::directory_entry& entry : entries) {
    const std::string name = entry.path().filename();
    const auto step = step_of(name);
    if (!step || !entry.is_directory(error)) continue;
    ListedCheckpoint& last = listed.emplace_back(inspect_checkpoint(entry.path()));
    last.latest = name == latest;
    if (last.complete() && last.step != *step)
      last.fault = fmt::format("{}: holds step {}", entry.path().string(), last.step);
    last.step = *step;
  }
  std::ranges::sort(listed, {}, &ListedCheckpoint::step);
  return listed;
}

std::string steps_text(const std::vector<ListedCheckpoint>& listed, const fs::path& except = {}) {
  std::vector<std::int64_t> steps;
  for (const ListedCheckpoint& checkpoint : listed)
    if (checkpoint.complete() && checkpoint.path.filename() != except.filename()) steps.push_back(checkpoint.step);
  return fmt::format("{}", fmt::join(steps, ", "));
}

}  // namespace

fs::path checkpoints_directory(const fs::path& run_dir) {
  return run_dir / "checkpoints";
}

std::string step_directory_name(std::int64_t step) {
  return fmt::format("{}{:08d}", kStepPrefix, step);
}

ListedCheckpoint inspect_checkpoint(const fs::path& path) {
  ListedCheckpoint listed{path, 0, "", bytes_in(path), false, ""};
  try {
    const Manifest manifest = read_manifest(path);
    listed.step = manifest.step;
    listed.saved = manifest.saved;
  } catch (const core::Error& error) {
    listed.fault = error.what();
  }
  return listed;
}

std::vector<ListedCheckpoint> list_checkpoints(const fs::path& run_dir) {
  return list_in(checkpoints_directory(run_dir));
}

bool saved_before(const ListedCheckpoint& a, const ListedCheckpoint& b) {
  return std::tie(a.saved, a.step) < std::tie(b.saved, b.step);
}

std::optional<NewestCheckpoint> newest_checkpoint(const fs::path& run_dir) {
  const std::vector<ListedCheckpoint> listed = list_checkpoints(run_dir);
  const ListedCheckpoint* newest = nullptr;
  const ListedCheckpoint* latest = nullptr;
  std::vector<std::string> notes;
  for (const ListedCheckpoint& checkpoint : listed) {
    if (checkpoint.latest) latest = &checkpoint;
    if (!checkpoint.complete()) notes.push_back("passed over " + checkpoint.fault);
    if (checkpoint.complete() && (newest == nullptr || saved_before(*newest, checkpoint))) newest = &checkpoint;
  }
  const std::string name = latest_name(checkpoints_directory(run_dir));
  if (latest == nullptr && !name.empty()) notes.push_back(fmt::format("LATEST names {}, which is not there", name));
  if (latest != nullptr && latest->complete()) newest = latest;
  if (newest != nullptr) return NewestCheckpoint{newest->path, newest->step, std::move(notes)};
  if (listed.empty()) return std::nullopt;
  throw core::Error(core::ExitCode::corrupt_checkpoint,
                    fmt::format("no complete checkpoint in {}: {}", run_dir.string(), fmt::join(notes, "; ")),
                    "restore one from a copy, or start again in a new run directory");
}

fs::path find_checkpoint(const fs::path& run_or_checkpoint, std::optional<std::int64_t> step) {
  std::error_code error;
  const fs::path& path = run_or_checkpoint;
  if (!fs::is_directory(path, error))
    throw core::Error(core::ExitCode::usage, fmt::format("{} is no directory", path.string()),
                      "name a run directory or one of its checkpoints/step-* directories");
  if (!step && fs::exists(path / kManifestName, error)) return path;
  if (!step) {
    const auto newest = newest_checkpoint(path);
    if (newest) return newest->path;
    throw core::Error(core::ExitCode::usage,
                      fmt::format("{} is neither a checkpoint nor a run that has one", path.string()),
                      "name a run directory or one of its checkpoints/step-* directories");
  }
  const fs::path found = checkpoints_directory(path) / step_directory_name(*step);
  if (fs::is_directory(found, error)) return found;
  const std::string steps = steps_text(list_checkpoints(path));
  throw core::Error(core::ExitCode::usage, fmt::format("{} has no checkpoint of step {}", path.string(), *step),
                    steps.empty() ? "this run has no complete checkpoint" : "choose one of these steps: " + steps);
}

std::string next_action_for_damage(const fs::path& checkpoint) {
  const std::string steps = steps_text(list_in(fs::absolute(checkpoint).parent_path()), checkpoint);
  if (steps.empty()) return "no other checkpoint is beside it: restore this one from a copy, or start again";
  return "resume an older one with --resume=STEP; these are complete: " + steps;
}

}  // namespace baleen::checkpoint
