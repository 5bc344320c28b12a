#pragma once
// A progress bar on stderr for long work. Silent where stderr is no terminal.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace baleen::core {

class Progress {
 public:
  enum class Unit { count, bytes };

  /// total 0: not known, no bar but what has been done.
  Progress(std::string label, std::int64_t total, Unit unit = Unit::count);
  /// Wipes the bar.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Any thread. Draws at most ten times a second.
  void advance(std::int64_t n);
  std::int64_t done() const { return done_.load(std::memory_order_relaxed); }

 private:
  void draw();

  const std::string label_;
  const std::int64_t total_;
  const Unit unit_;
  const bool visible_;
  const std::chrono::steady_clock::time_point start_;
  std::atomic<std::int64_t> done_{0};
  std::atomic<std::int64_t> next_draw_ns_{0};
  std::mutex drawing_;
};

/// "1.2 GiB"
std::string byte_text(std::int64_t bytes);

/// One line of the bar: `label  45% [#####.....]  1.2 GiB of 2.7 GiB, 300 MiB/s, 5s left`.
std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total, Progress::Unit unit,
                          double seconds);

}  // namespace baleen::core
