#include "parallel/device_clock.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <vector>

namespace baleen::parallel {
namespace {

class HostClock final : public DeviceClock {
 public:
  void mark(int moment) override {
    const auto index = static_cast<std::size_t>(moment);
    if (index >= moments_.size()) moments_.resize(index + 1);
    moments_[index] = std::chrono::steady_clock::now();
  }
  double seconds(int from, int to) override {
    const auto passed = moments_.at(static_cast<std::size_t>(to)) - moments_.at(static_cast<std::size_t>(from));
    return std::chrono::duration<double>(passed).count();
  }

 private:
  std::vector<std::chrono::steady_clock::time_point> moments_;
};

class StreamClock final : public DeviceClock {
 public:
  explicit StreamClock(c10::Device device) : device_(device) {}
  void mark(int moment) override {
    const auto index = static_cast<std::size_t>(moment);
    while (index >= moments_.size())
      moments_.emplace_back(device_.type(), c10::EventFlag::BACKEND_DEFAULT);  // the kind that has time
    const c10::impl::VirtualGuardImpl guard(device_.type());
    moments_[index].record(guard.getStream(device_));
  }
  double seconds(int from, int to) override {
    const c10::Event &first = moments_.at(static_cast<std::size_t>(from)),
                     &last = moments_.at(static_cast<std::size_t>(to));
    first.synchronize();
    last.synchronize();
    return first.elapsedTime(last) / 1e3;
  }

 private:
  c10::Device device_;
  std::vector<c10::Event> moments_;
};

}  // namespace

std::unique_ptr<DeviceClock> make_device_clock(c10::Device device) {
  if (device.is_cuda()) return std::make_unique<StreamClock>(device);
  return std::make_unique<HostClock>();
}

}  // namespace baleen::parallel
