#include "tests/trainer/driver_calls.h"

#include <cuda_runtime_api.h>
#include <cupti.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace baleen::tests {
namespace {

constexpr std::string_view kAllocating[] = {
    "cudaMalloc",  "cudaFree",     "cudaHostAlloc",  "cudaHostRegister",  "cudaHostUnregister",
    "cuMemAlloc",  "cuMemFree",    "cuMemHostAlloc", "cuMemHostRegister", "cuMemHostUnregister",
    "cuMemCreate", "cuMemRelease", "cuMemMap",       "cuMemUnmap",        "cuMemAddressReserve"};

bool has(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}

bool counts(std::string_view name) {
  if (has(name, "Synchronize")) return true;
  if (has(name, "Memcpy")) return !has(name, "Async");
  return std::any_of(std::begin(kAllocating), std::end(kAllocating),
                     [&](std::string_view start) { return name.starts_with(start); });
}

struct Copy {
  const void *from, *to;
};

}  // namespace

struct DriverCalls::Recorded {
  std::mutex mutex;
  std::map<std::string, int> counted;
  std::vector<Copy> copies;
  CUpti_SubscriberHandle subscriber = nullptr;

  static void CUPTIAPI on_call(void* user, CUpti_CallbackDomain domain, CUpti_CallbackId id, const void* data) {
    const auto& call = *static_cast<const CUpti_CallbackData*>(data);
    if (call.callbackSite != CUPTI_API_ENTER) return;
    auto& recorded = *static_cast<Recorded*>(user);
    const std::lock_guard lock(recorded.mutex);
    if (counts(call.functionName)) ++recorded.counted[call.functionName];
    if (domain == CUPTI_CB_DOMAIN_RUNTIME_API && id == CUPTI_RUNTIME_TRACE_CBID_cudaMemcpyAsync_v3020) {
      const auto& copy = *static_cast<const cudaMemcpyAsync_v3020_params*>(call.functionParams);
      recorded.copies.push_back({copy.src, copy.dst});
    }
  }
};

namespace {

void check(CUptiResult status) {
  if (status == CUPTI_SUCCESS) return;
  const char* reason = "";
  cuptiGetResultString(status, &reason);
  throw std::runtime_error(std::string("CUPTI says ") + reason);
}

/// Callbacks must not ask CUDA, so this comes after the work. Memory that was pinned then still is: LibTorch keeps it.
bool is_pageable(const void* memory) {
  cudaPointerAttributes attributes{};
  if (cudaPointerGetAttributes(&attributes, memory) != cudaSuccess) throw std::runtime_error("a copy's memory is gone");
  return attributes.type == cudaMemoryTypeUnregistered;
}

}  // namespace

DriverCalls::DriverCalls() : recorded_(std::make_unique<Recorded>()) {
  check(cuptiSubscribe(&recorded_->subscriber, &Recorded::on_call, recorded_.get()));
  for (const CUpti_CallbackDomain domain : {CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_CB_DOMAIN_DRIVER_API})
    check(cuptiEnableDomain(1, recorded_->subscriber, domain));
}

DriverCalls::~DriverCalls() {
  if (recorded_->subscriber != nullptr) cuptiUnsubscribe(recorded_->subscriber);
}

std::map<std::string, int> DriverCalls::stop() {
  check(cuptiUnsubscribe(recorded_->subscriber));
  recorded_->subscriber = nullptr;
  for (const Copy& copy : recorded_->copies)
    if (is_pageable(copy.from) || is_pageable(copy.to)) ++recorded_->counted["cudaMemcpyAsync of pageable memory"];
  return recorded_->counted;
}

std::map<std::string, int> driver_calls(const std::function<void()>& work) {
  DriverCalls calls;
  work();
  return calls.stop();
}

}  // namespace baleen::tests
