#include "core/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>

#include "core/filesystem.h"

namespace baleen::core {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::fatal:
      return spdlog::level::critical;
  }
  return spdlog::level::info;
}

const char* prefix(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
    case LogLevel::info:
      return "";
    case LogLevel::warning:
      return "warning: ";
    case LogLevel::error:
      return "error: ";
    case LogLevel::fatal:
      return "baleen: ";
  }
  return "";
}

LogLevel least_level() {
  const char* wanted = std::getenv("BALEEN_LOG");
  const std::string name = wanted ? wanted : "info";
  if (name == "debug") return LogLevel::debug;
  if (name == "warning") return LogLevel::warning;
  if (name == "error") return LogLevel::error;
  return LogLevel::info;
}

/// stderr for people, a file for later. spdlog formats and locks each.
class Log {
 public:
  Log() : terminal_("terminal", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    terminal_.set_pattern("%v");
    set_rank(0);
  }

  void set_rank(int rank) {
    rank_ = rank;
    const LogLevel least = rank == 0 ? least_level() : LogLevel::warning;
    terminal_.set_level(spdlog_level(least));
  }

  void open_file(const std::filesystem::path& path) {
    make_folder(path.parent_path());
    try {
      auto file =
          std::make_shared<spdlog::logger>("file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string()));
      file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
      file->set_level(spdlog::level::debug);
      file->flush_on(spdlog::level::debug);
      const std::lock_guard lock(mutex_);
      file_ = std::move(file);
    } catch (const spdlog::spdlog_ex& error) {
      throw Error(ExitCode::storage, fmt::format("cannot write the log {}: {}", path.string(), error.what()),
                  "check the permissions and the space of the run directory");
    }
  }

  void write(LogLevel level, std::string_view message) {
    const std::string rank = rank_ == 0 ? "" : fmt::format("rank {}: ", rank_.load());
    terminal_.log(spdlog_level(level), "{}{}{}", prefix(level), rank, message);
    const std::lock_guard lock(mutex_);
    if (file_) file_->log(spdlog_level(level), "{}", message);
  }

 private:
  std::atomic<int> rank_{0};
  spdlog::logger terminal_;
  std::mutex mutex_;
  std::shared_ptr<spdlog::logger> file_;
};

Log& the_log() {
  static Log log;
  return log;
}

}  // namespace

void set_log_rank(int rank) {
  the_log().set_rank(rank);
}

void log_to_file(const std::filesystem::path& path) {
  the_log().open_file(path);
}

void log(LogLevel level, std::string_view message) {
  the_log().write(level, message);
}

}  // namespace baleen::core
