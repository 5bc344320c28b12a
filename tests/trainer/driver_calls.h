#pragma once
// What a step must not do on a GPU's host side: wait for the GPU, or ask the driver for memory. Counted through CUPTI.

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace baleen::tests {

/// Counts, in any thread, calls that make the host wait (synchronisations, copies that block) and calls that change the
/// driver's allocations (device or pinned memory, taken or given back). An asynchronous copy from or to memory that is
/// not pinned counts: it blocks too. One at a time. Throws where CUPTI is not to be had.
class DriverCalls {
 public:
  DriverCalls();
  ~DriverCalls();

  /// What was called since the construction, by name. Ends the counting.
  std::map<std::string, int> stop();

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

/// Those of `work`.
std::map<std::string, int> driver_calls(const std::function<void()>& work);

}  // namespace baleen::tests
