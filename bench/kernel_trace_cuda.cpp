#include <cuda_runtime_api.h>
#include <cupti.h>
#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>

#include "bench/kernel_trace.h"
#include "core/log.h"

namespace baleen::bench {
namespace {

constexpr CUpti_ActivityKind kKinds[] = {CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL, CUPTI_ACTIVITY_KIND_MEMCPY,
                                         CUPTI_ACTIVITY_KIND_MEMSET};

/// CUPTI calls back from threads of its own, without an argument of ours.
struct Recorded {
  std::mutex mutex;
  std::uint32_t device = 0;
  std::vector<KernelSpan> spans;

  static Recorded& instance() {
    static auto& recorded = *new Recorded;
    return recorded;
  }
};

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : name;
}

void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* records) {
  constexpr std::size_t kBytes = std::size_t{8} << 20;
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(ACTIVITY_RECORD_ALIGNMENT, kBytes));
  *size = *buffer == nullptr ? 0 : kBytes;
  *records = 0;
}

template <typename Record>
void add(Recorded& recorded, const CUpti_Activity* activity, const std::function<std::string(const Record&)>& name) {
  const auto& record = *reinterpret_cast<const Record*>(activity);
  if (record.deviceId != recorded.device) return;
  recorded.spans.push_back({name(record), static_cast<std::int64_t>(record.start),
                            static_cast<std::int64_t>(record.end), record.correlationId});
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
  Recorded& recorded = Recorded::instance();
  const std::lock_guard lock(recorded.mutex);
  CUpti_Activity* activity = nullptr;
  while (cuptiActivityGetNextRecord(buffer, valid, &activity) == CUPTI_SUCCESS) {
    switch (activity->kind) {
      case CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL:
        add<CUpti_ActivityKernel10>(recorded, activity, [](const auto& kernel) { return demangled(kernel.name); });
        break;
      case CUPTI_ACTIVITY_KIND_MEMCPY:
        add<CUpti_ActivityMemcpy6>(recorded, activity, [](const auto&) { return "memcpy"; });
        break;
      case CUPTI_ACTIVITY_KIND_MEMSET:
        add<CUpti_ActivityMemset4>(recorded, activity, [](const auto&) { return "memset"; });
        break;
      default:
        break;
    }
  }
  std::free(buffer);
}

bool start() {
  CUptiResult status = cuptiActivityRegisterCallbacks(give_buffer, take_buffer);
  for (const CUpti_ActivityKind kind : kKinds)
    if (status == CUPTI_SUCCESS) status = cuptiActivityEnable(kind);
  if (status == CUPTI_SUCCESS) return true;
  const char* reason = "";
  cuptiGetResultString(status, &reason);
  core::log_warning("kernels are not traced: CUPTI says " + std::string(reason));
  return false;
}

}  // namespace

std::vector<KernelSpan> trace_kernels(int index, const std::function<void()>& work) {
  Recorded& recorded = Recorded::instance();
  cudaDeviceSynchronize();  // what was issued before is not ours
  {
    const std::lock_guard lock(recorded.mutex);
    recorded.device = static_cast<std::uint32_t>(index);
    recorded.spans.clear();
  }
  const bool tracing = start();
  work();
  cudaDeviceSynchronize();
  if (tracing) cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
  for (const CUpti_ActivityKind kind : kKinds) cuptiActivityDisable(kind);
  const std::lock_guard lock(recorded.mutex);
  return std::move(recorded.spans);
}

}  // namespace baleen::bench
