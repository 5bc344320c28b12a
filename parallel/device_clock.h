#pragma once
// Moments on the time line of a device that works behind the host: what the host would measure itself is when it
// looked.

#include <c10/core/Device.h>

#include <memory>

namespace baleen::parallel {

/// Keeps moments 0, 1, ...; a mark replaces the one of its number.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  /// The moment at which the device has done all that was issued so far on the current stream. Does not wait.
  virtual void mark(int moment) = 0;
  /// From one to the other, which may be the earlier one. Waits until both have passed.
  virtual double seconds(int from, int to) = 0;
};

/// That of its streams, on a GPU; the host's, on a CPU.
std::unique_ptr<DeviceClock> make_device_clock(c10::Device device);

}  // namespace baleen::parallel
