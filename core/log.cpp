#include "core/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

#include "core/file_descriptor.h"
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

/// Appends each line at once. Its failure is told in our words, where spdlog's own sink and handler have theirs.
class FileSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit FileSink(const std::filesystem::path& path)
      : path_(path), file_(core::open_file(path, O_WRONLY | O_CREAT | O_APPEND)) {}

  /// Why a line is missing since the last call; empty where none is.
  std::string take_failure() { return std::exchange(failure_, ""); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (!write_all(file_, {line.data(), line.size()})) failure_ = storage_error("write", path_, errno).what();
  }
  void flush_() override {}

 private:
  std::filesystem::path path_;
  FileDescriptor file_;
  std::string failure_;
};

/// stderr for people, a file for later. spdlog formats each.
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
    auto sink = std::make_shared<FileSink>(path);
    auto file = std::make_shared<spdlog::logger>("file", sink);
    file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    file->set_level(spdlog::level::debug);
    const std::lock_guard lock(mutex_);
    sink_ = std::move(sink);
    file_ = std::move(file);
    failure_is_told_ = false;
  }

  void write(LogLevel level, std::string_view message) {
    const std::string rank = rank_ == 0 ? "" : fmt::format("rank {}: ", rank_.load());
    terminal_.log(spdlog_level(level), "{}{}{}", prefix(level), rank, message);
    const std::lock_guard lock(mutex_);
    if (!file_) return;
    file_->log(spdlog_level(level), "{}", message);
    const std::string failure = sink_->take_failure();
    // What ends the process has a cause of its own, mostly the same one.
    if (failure.empty() || failure_is_told_ || level == LogLevel::fatal) return;
    failure_is_told_ = true;
    terminal_.log(spdlog::level::warn, "warning: {}{}; lines may be missing there from here on", rank, failure);
  }

 private:
  std::atomic<int> rank_{0};
  spdlog::logger terminal_;
  std::mutex mutex_;
  std::shared_ptr<FileSink> sink_;
  std::shared_ptr<spdlog::logger> file_;
  bool failure_is_told_ = false;
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
