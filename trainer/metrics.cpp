#include "trainer/metrics.h"

#include <fmt/format.h>

#include <cmath>

namespace baleen::trainer {
namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.17g}", value) : "null";
}

/// Six significant characters whatever the size: "7.512k", "1.204M".
std::string compact(double value) {
  if (value >= 1e6) return fmt::format("{:.3f}M", value / 1e6);
  if (value >= 1e4) return fmt::format("{:.2f}k", value / 1e3);
  return fmt::format("{:.0f}", value);
}

}  // namespace

std::string metrics_json(const StepMetrics& m) {
  return fmt::format(
      R"({{"step":{},"loss":{},"grad_norm":{},"lr":{},"loss_scale":{},"skipped":{},"tokens":{},"step_seconds":{},)"
      R"("tokens_per_second":{},"tokens_per_second_per_gpu":{},"mfu":{},"memory_gib":{},"data_seconds":{}}})",
      m.step, number(m.loss), number(m.grad_norm), number(m.lr), number(m.loss_scale), m.skipped, m.tokens,
      number(m.step_seconds), number(m.tokens_per_second), number(m.tokens_per_second_per_gpu), number(m.mfu),
      number(m.memory_gib), number(m.data_seconds));
}

std::string step_header() {
  return fmt::format("{:>8} {:>9} {:>9} {:>9} {:>9} {:>6} {:>8} {:>6} {:>8}", "step", "loss", "grad norm", "lr",
                     "tokens/s", "mfu", "memory", "data", "left");
}

std::string step_line(const StepMetrics& m, double seconds_left) {
  const double data_share = m.step_seconds > 0 ? 100.0 * m.data_seconds / m.step_seconds : 0.0;
  std::string line =
      fmt::format("{:>8} {:>9.5f} {:>9.4f} {:>9.2e} {:>9} {:>6} {:>8} {:>6} {:>8}", m.step, m.loss, m.grad_norm, m.lr,
                  compact(m.tokens_per_second), m.mfu > 0 ? fmt::format("{:.1f}%", 100 * m.mfu) : "-",
                  fmt::format("{:.2f}GiB", m.memory_gib), fmt::format("{:.1f}%", data_share), duration(seconds_left));
  if (m.skipped) line += "  skipped";
  return line;
}

std::string duration(double seconds) {
  const auto s = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds)));
  if (s >= 3600) return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}s", s);
}

}  // namespace baleen::trainer
