#include "launch/signals.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "core/error.h"

namespace baleen::launch {
namespace {

// Handlers may touch nothing else; the answer stays as it is while signals are caught.
std::atomic<bool> g_save_and_exit, g_save, g_stop, g_in_use;
std::string g_answer;
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  (signal == SIGUSR1 ? g_save_and_exit : signal == SIGUSR2 ? g_save : g_stop) = true;
  if (signal == SIGUSR1 || signal == SIGUSR2 || g_answer.empty()) return;
  const int error = errno;  // of what was interrupted
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, g_answer.data(), g_answer.size());
  errno = error;
}

}  // namespace

std::string answer_to_stop(const std::filesystem::path& run_dir) {
  constexpr const char* kStopping = "baleen: stopping after this step; ";
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr)
    return fmt::format("{}the same signal again stops at once, without saving\n", kStopping);
  return fmt::format(
      "{}if mpirun was signalled, it gives its ranks about a second, and only a step shorter than that is saved; "
      "`touch {}` or SIGUSR1 always saves\n",
      kStopping, (run_dir / "STOP").string());
}

Signals::Signals(std::string answer) {
  core::require(!g_in_use.exchange(true), "signals are caught by one object at a time");
  g_save_and_exit = g_save = g_stop = false;
  g_answer = std::move(answer);
  for (const int signal : {SIGUSR1, SIGUSR2, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) {
    const bool stops = signal == SIGTERM || signal == SIGINT || signal == SIGHUP;
    struct sigaction action {};
    // What reads our lines may be gone, as `tee` is after Ctrl-C: that ends no training.
    action.sa_handler = signal == SIGPIPE ? SIG_IGN : on_signal;
    // The second one that stops finds the default again, which ends the process.
    action.sa_flags = stops ? static_cast<int>(SA_RESTART | SA_RESETHAND) : SA_RESTART;
    sigemptyset(&action.sa_mask);
    Saved saved{signal, {}};
    core::require(sigaction(signal, nullptr, &saved.action) == 0, "the kernel knows these signals");
    if (signal == SIGHUP && saved.action.sa_handler == SIG_IGN) continue;  // under nohup
    core::require(sigaction(signal, &action, nullptr) == 0, "the kernel takes handlers of these signals");
    before_.push_back(saved);
  }
}

Signals::~Signals() {
  for (const Saved& saved : before_) sigaction(saved.signal, &saved.action, nullptr);
  g_in_use = false;
}

bool Signals::save_and_exit() const {
  return g_save_and_exit;
}
bool Signals::take_save() {
  return g_save.exchange(false);
}
bool Signals::stop() const {
  return g_stop;
}

}  // namespace baleen::launch
