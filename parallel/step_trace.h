#pragma once
// Records when a rank does what in one step: CUDA events on its streams on a GPU, the host's steady clock on the CPU.
// Nothing waits before take().

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <memory>
#include <optional>
#include <vector>

#include "parallel/device_clock.h"
#include "parallel/traced_span.h"

namespace baleen::parallel {

/// For one step in the life of a mesh.
class StepTrace {
 public:
  bool recording() const { return recording_; }
  void start(c10::Device device);
  void stop();
  /// What was recorded; times are those of the host's steady clock. Waits for the device. After stop(), once.
  RankTrace take();

  /// A span from what the current stream holds now to what it holds at close(); while recording.
  std::size_t open(TracedSpan span);
  void close(std::size_t span);

  /// An operation that runs on `stream` after the one before on the same communicator; or wherever the host runs it,
  /// from now on: there the end of the one before is only when this rank learned of it.
  std::size_t open_operation(TracedSpan span, const std::optional<c10::Stream>& stream,
                             std::optional<std::size_t> before);
  void close_operation(std::size_t operation, const std::optional<c10::Stream>& stream);
  bool closed(std::size_t span) const { return entries_[span].end >= 0; }

 private:
  struct Entry {
    TracedSpan span;
    int begin = 0, begin_there = -1, end = -1;  // moments of the clock; begin_there: on the operation's own stream
    std::optional<std::size_t> before = std::nullopt;
  };
  int now();
  int now_on(const std::optional<c10::Stream>& stream);

  std::unique_ptr<DeviceClock> clock_;
  std::vector<Entry> entries_;
  int moments_ = 0;
  bool recording_ = false;
};

/// Records the time from here to the end of the scope, where `trace` is there and recording.
class TracedScope {
 public:
  TracedScope(StepTrace* trace, const char* phase);
  TracedScope(StepTrace* trace, const UnitAction& action, const std::string& unit);
  ~TracedScope() {
    if (trace_ != nullptr) trace_->close(span_);
  }
  TracedScope(const TracedScope&) = delete;
  TracedScope& operator=(const TracedScope&) = delete;

 private:
  StepTrace* trace_;
  std::size_t span_ = 0;
};

}  // namespace baleen::parallel
