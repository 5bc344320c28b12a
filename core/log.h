#pragma once
// Lines for people: to stderr and, once there is a run directory, to a file. Any thread.
// Rank 0 logs everything to stderr; other ranks only warnings and errors, with their number.

#include <filesystem>
#include <string>
#include <string_view>

namespace baleen::core {

enum class LogLevel { debug, info, warning, error, fatal };

/// Before the first line of a process that is one of many. The environment variable BALEEN_LOG (debug, info, warning,
/// error) sets the least level of rank 0.
void set_log_rank(int rank);
/// Every line goes to this file too, with the time, appended. Makes the folder. Throws Error(storage); a line that
/// cannot be written later is told of once.
void log_to_file(const std::filesystem::path& path);

void log(LogLevel level, std::string_view message);
inline void log_debug(std::string_view message) {
  log(LogLevel::debug, message);
}
inline void log_info(std::string_view message) {
  log(LogLevel::info, message);
}
inline void log_warning(std::string_view message) {
  log(LogLevel::warning, message);
}
/// What ends the process: "baleen: MESSAGE".
inline void log_fatal(std::string_view message) {
  log(LogLevel::fatal, message);
}
inline void log_error(std::string_view message) {
  log(LogLevel::error, message);
}

}  // namespace baleen::core
