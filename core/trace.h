#pragma once
// Names what the host does in profiles: a range in NVIDIA Nsight Systems (NVTX), nothing without CUDA.

namespace baleen::core {

/// A named range from here to the end of the scope, on this thread. Costs nanoseconds while no profiler is attached.
class TraceRange {
 public:
  explicit TraceRange(const char* name);
  ~TraceRange();
  TraceRange(const TraceRange&) = delete;
  TraceRange& operator=(const TraceRange&) = delete;
};

}  // namespace baleen::core
