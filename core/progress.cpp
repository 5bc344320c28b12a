#include "core/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace baleen::core {
namespace {

constexpr std::int64_t kDrawEveryNs = 100'000'000;

std::string amount(double value, Progress::Unit unit) {
  if (unit == Progress::Unit::count) return fmt::format("{:.0f}", value);
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int power = 0;
  for (; value >= 1024 && power < 4; ++power) value /= 1024;
  return fmt::format("{:.{}f} {}", value, power == 0 ? 0 : 1, units[power]);
}

std::string time_left(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f}s", seconds);
  if (seconds < 3600) return fmt::format("{:.0f}m", seconds / 60);
  return fmt::format("{:.1f}h", seconds / 3600);
}

}  // namespace

std::string byte_text(std::int64_t bytes) {
  return amount(static_cast<double>(bytes), Progress::Unit::bytes);
}

std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total, Progress::Unit unit,
                          double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const std::string speed = fmt::format("{}/s", amount(rate, unit));
  if (total <= 0) return fmt::format("{}  {}, {}", label, amount(static_cast<double>(done), unit), speed);
  constexpr int kWidth = 20;
  const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  const int filled = static_cast<int>(share * kWidth);
  const double left = rate > 0 ? static_cast<double>(total - done) / rate : 0;
  return fmt::format("{} {:3.0f}% [{:#<{}}{:.<{}}]  {} of {}, {}, {} left", label, std::floor(100 * share), "", filled,
                     "", kWidth - filled, amount(static_cast<double>(done), unit),
                     amount(static_cast<double>(total), unit), speed, time_left(std::max(0.0, left)));
}

Progress::Progress(std::string label, std::int64_t total, Unit unit)
    : label_(std::move(label)),
      total_(total),
      unit_(unit),
      visible_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()) {}

Progress::~Progress() {
  if (visible_) std::fputs("\r\033[K", stderr);
}

void Progress::advance(std::int64_t n) {
  done_.fetch_add(n, std::memory_order_relaxed);
  if (!visible_) return;
  const std::int64_t now = (std::chrono::steady_clock::now() - start_).count();
  std::int64_t due = next_draw_ns_.load(std::memory_order_relaxed);
  if (now >= due && next_draw_ns_.compare_exchange_strong(due, now + kDrawEveryNs)) draw();
}

void Progress::draw() {
  const std::lock_guard lock(drawing_);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  std::fputs(("\r" + progress_line(label_, done(), total_, unit_, seconds) + "\033[K").c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace baleen::core
