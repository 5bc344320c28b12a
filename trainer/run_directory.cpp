#include "trainer/run_directory.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "checkpoint/directory.h"
#include "core/error.h"
#include "core/filesystem.h"
#include "trainer/trace_file.h"

namespace baleen::trainer {
namespace {

namespace fs = std::filesystem;

/// "process 4711 on node3, since 2026-01-31 12:00:00 UTC"
std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return fmt::format("process {} on {}, since {:%Y-%m-%d %H:%M:%S} UTC", ::getpid(), host.data(),
                     fmt::gmtime(std::time(nullptr)));
}

core::Error in_use(const fs::path& path) {
  std::ifstream in(path / "lock");
  std::string holder;
  std::getline(in, holder);
  return {core::ExitCode::busy,
          fmt::format("the run directory {} is in use by another job{}", path.string(),
                      holder.empty() ? "" : " (" + holder + ")"),
          fmt::format("wait for that job, or stop it (touch {}: it saves and ends), or name another folder with "
                      "--run-dir",
                      (path / "STOP").string())};
}

/// A batch system, or `tee`, may have begun its log there, and orders may wait.
bool may_be_there_before(const fs::path& entry) {
  const fs::path name = entry.filename(), kind = entry.extension();
  return kind == ".log" || kind == ".out" || kind == ".err" || name == "STOP" || name == "SAVE";
}

/// A run writes its files over others of their names: it takes no folder with something of somebody else's.
void require_ours(const fs::path& path) {
  constexpr std::size_t kMostTold = 3;
  if (is_run_directory(path)) return;
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
    if (!may_be_there_before(at->path())) names.push_back(at->path().filename().string());
  if (names.empty()) return;
  std::ranges::sort(names);
  const std::size_t left = names.size() - std::min(names.size(), kMostTold);
  names.resize(names.size() - left);
  throw core::Error(
      core::ExitCode::usage,
      fmt::format("the folder {} is not empty and holds no run: {}{} {} in it", path.string(), fmt::join(names, ", "),
                  left == 0 ? "" : fmt::format(" and {} more", left), names.size() == 1 ? "is" : "are"),
      "name a new folder or an empty one with --run-dir or run.name");
}

/// Holds the folder against other jobs, and says in the file who does. The lock goes with the process, however it ends.
int lock_folder(const fs::path& path) {
  const fs::path file = path / "lock";
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) throw core::storage_error("write", file, errno);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
    const std::string holder = this_process() + "\n";  // only for people: what fails here does no harm
    if (::ftruncate(descriptor, 0) == 0) {
      [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, holder.data(), holder.size(), 0);
    }
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  if (error != EWOULDBLOCK) throw core::storage_error("lock", file, error);
  throw in_use(path);
}

/// The lines of a log that a run resumed at `steps_done` keeps: complete objects of earlier steps.
std::string kept_lines(const fs::path& file, std::int64_t steps_done) {
  std::ifstream in(file);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object() || !object.contains("step") || !object["step"].is_number_integer()) continue;
    if (object["step"].get<std::int64_t>() <= steps_done) kept += line + "\n";
  }
  return kept;
}

}  // namespace

bool is_run_directory(const fs::path& path) {
  const auto has = [&path](const char* name) {
    std::error_code error;
    return fs::exists(path / name, error);
  };
  return has("metrics.jsonl") || (has("lock") && has("checkpoints")) || !checkpoint::list_checkpoints(path).empty();
}

RunDirectory::RunDirectory(fs::path path, Open open) : path_(std::move(path)) {
  require_ours(path_);
  core::make_folder(path_);  // by itself first: what cannot be made is named as it was given
  core::make_folder(path_ / "checkpoints");
  lock_ = lock_folder(path_);
  if (open == Open::fresh && fs::exists(path_ / "config.toml")) {
    ::close(lock_);
    throw core::Error(core::ExitCode::usage, "the run directory " + path_.string() + " already holds a run",
                      "continue it with --resume, or choose another run.name or --run-dir");
  }
}

RunDirectory::~RunDirectory() {
  ::close(lock_);
}

void RunDirectory::write(const std::string& name, const std::string& content) const {
  core::write_file_atomically(path_ / name, content);
}

void RunDirectory::rewind_logs(std::int64_t steps_done) const {
  for (const char* name : {"metrics.jsonl", "events.jsonl"})
    if (fs::exists(path_ / name)) write(name, kept_lines(path_ / name, steps_done));
  for (const auto& [step, path] : traces(path_)) {
    std::error_code error;
    if (step > steps_done) fs::remove(path, error);
    if (error) throw core::storage_error("remove", path, error.value());
  }
}

void RunDirectory::append_metrics(const StepMetrics& metrics) const {
  append(path_ / "metrics.jsonl", metrics_json(metrics));
}

void RunDirectory::append_event(const std::string& json) const {
  append(path_ / "events.jsonl", json);
}

void RunDirectory::append(const fs::path& file, const std::string& line) const {
  // One write of a whole line: a reader, or a run killed here, sees all of it or (at the very end) a torn last line.
  const std::string text = line + "\n";
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) throw core::storage_error("write", file, errno);
  const ssize_t written = ::write(descriptor, text.data(), text.size());
  const int error = errno;
  ::close(descriptor);
  if (written != static_cast<ssize_t>(text.size()))
    throw core::storage_error("write", file, written < 0 ? error : ENOSPC);
}

bool RunDirectory::take(const char* name) const {
  std::error_code error;
  return fs::remove(path_ / name, error);
}

}  // namespace baleen::trainer
