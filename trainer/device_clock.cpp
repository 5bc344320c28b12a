#include "trainer/device_clock.h"

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <chrono>

namespace baleen::trainer {
namespace {

class HostClock final : public DeviceClock {
 public:
  void mark(int moment) override { moments_.at(static_cast<std::size_t>(moment)) = std::chrono::steady_clock::now(); }
  double seconds(int from, int to) override {
    const auto passed = moments_.at(static_cast<std::size_t>(to)) - moments_.at(static_cast<std::size_t>(from));
    return std::chrono::duration<double>(passed).count();
  }

 private:
  std::array<std::chrono::steady_clock::time_point, 2> moments_;
};

class StreamClock final : public DeviceClock {
 public:
  explicit StreamClock(c10::Device device)
      : device_(device),
        moments_{c10::Event(device.type(), c10::EventFlag::BACKEND_DEFAULT),  // the kind that has time
                 c10::Event(device.type(), c10::EventFlag::BACKEND_DEFAULT)} {}
  void mark(int moment) override {
    const c10::impl::VirtualGuardImpl guard(device_.type());
    moments_.at(static_cast<std::size_t>(moment)).record(guard.getStream(device_));
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
  std::array<c10::Event, 2> moments_;
};

}  // namespace

std::unique_ptr<DeviceClock> make_device_clock(c10::Device device) {
  if (device.is_cuda()) return std::make_unique<StreamClock>(device);
  return std::make_unique<HostClock>();
}

}  // namespace baleen::trainer
