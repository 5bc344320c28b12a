#pragma once
// The one exception of Baleen, and the exit codes that people and schedulers rely on.

#include <stdexcept>
#include <string>

namespace baleen::core {

enum class ExitCode : int {
  ok = 0,
  usage = 2,         // bad usage or configuration, bad data file
  environment = 11,  // another library, binary or device than the run needs
  busy = 12,         // another job holds the run directory
  rank_lost = 20,
  hang = 21,
  numerical = 30,  // do not requeue: the run would stop again
  storage = 40,    // disk full, unwritable, gone
  corrupt_checkpoint = 41,
  out_of_memory = 50,
  internal = 70,  // a defect of Baleen
  requeue = 75,   // stopped with a checkpoint: start me again with --resume
};

/// What went wrong in plain words (what was expected, what came) and what to do next. Ends the process with `code()`.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string next_action = "")
      : std::runtime_error(message), code_(code), next_action_(std::move(next_action)) {}
  ExitCode code() const { return code_; }
  const std::string& next_action() const { return next_action_; }

 private:
  ExitCode code_;
  std::string next_action_;
};

/// A broken promise between parts of Baleen: throws Error(internal). Never for bad input.
inline void require(bool holds, const char* promise) {
  if (!holds)
    throw Error(ExitCode::internal, std::string("internal error: ") + promise, "report this with the run's log");
}

}  // namespace baleen::core
