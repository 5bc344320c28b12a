#include "bench/stopwatch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <chrono>

namespace baleen::bench {

double quantile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  const double place = part * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double above = below + 1 < values.size() ? values[below + 1] : values[below];
  return values[below] + (place - static_cast<double>(below)) * (above - values[below]);
}

double seconds_of(c10::Device device, const std::function<void()>& run) {
  const auto wait = [&] {
    if (device.is_cuda()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
  };
  const auto round = [&](int calls) {
    wait();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) run();
    wait();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
  };
  constexpr double kRound = 0.02;
  round(3);
  const int calls = std::clamp(static_cast<int>(kRound / round(3)), 1, 1000);
  std::vector<double> rounds(7);
  std::generate(rounds.begin(), rounds.end(), [&] { return round(calls); });
  return quantile(rounds);
}

}  // namespace baleen::bench
