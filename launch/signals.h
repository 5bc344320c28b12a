#pragma once
// What the scheduler or the user asks of a running job by signals. Handlers set flags and may write a line; the trainer
// reads the flags at a step border, where all ranks agree on what to do.

#include <csignal>

#include <filesystem>
#include <string>
#include <vector>

namespace baleen::launch {

/// What stops is answered with this line: what comes of it depends on who started the ranks, for mpirun gives them
/// about a second and kills them then.
std::string answer_to_stop(const std::filesystem::path& run_dir);

/// Catches signals from construction to destruction, which restores the handlers that were there. One at a time.
class Signals {
 public:
  /// `answer`: to what stops, on stderr and at once, since a step may take minutes. While this lives, output that
  /// nobody reads any more is no signal (SIGPIPE is ignored).
  explicit Signals(std::string answer = "");
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// SIGUSR1 came: save a checkpoint and exit with 75.
  bool save_and_exit() const;
  /// SIGUSR2 came since the last call: save a checkpoint and go on.
  bool take_save();
  /// SIGTERM, SIGINT or SIGHUP (but under nohup) came: stop, with a checkpoint if there is time. A second one ends the
  /// process at once.
  bool stop() const;

 private:
  struct Saved {
    int signal;
    struct sigaction action;
  };
  std::vector<Saved> before_;
};

}  // namespace baleen::launch
