#include "parallel/nccl_buffers.h"

#include <ATen/ops/from_blob.h>

#include <exception>

#include "parallel/nccl_check.h"

namespace baleen::parallel {

NcclBuffers::~NcclBuffers() {
  // Freeing waits for kernels, which may wait for ranks that an exception has taken away.
  if (std::uncaught_exceptions() > 0) return;
  for (void* buffer : all_) ncclMemFree(buffer);
}

at::Tensor NcclBuffers::take(std::int64_t elements, const at::TensorOptions& options) {
  constexpr std::size_t kStep = std::size_t{2} << 20;  // what the driver maps at least
  const std::size_t wanted = static_cast<std::size_t>(elements) * options.dtype().itemsize();
  const std::size_t bytes = (wanted + kStep - 1) / kStep * kStep;
  std::vector<void*>& free = free_[bytes];
  if (free.empty()) free.push_back(make(bytes));
  void* buffer = free.back();
  free.pop_back();
  const auto give_back = [self = shared_from_this(), bytes](void* given) { self->free_[bytes].push_back(given); };
  return at::from_blob(buffer, {elements}, give_back, options);
}

void* NcclBuffers::make(std::size_t bytes) {
  constexpr auto kEnvironment = core::ExitCode::environment;
  void* buffer = nullptr;
  check_nccl(ncclMemAlloc(&buffer, bytes), comm_, "ncclMemAlloc", kEnvironment);
  all_.push_back(buffer);
  ncclWindow_t window = nullptr;  // stays so where NCCL can do nothing better with it
  check_nccl(ncclCommWindowRegister(comm_, buffer, bytes, &window, NCCL_WIN_COLL_SYMMETRIC), comm_,
             "ncclCommWindowRegister", kEnvironment);
  windows_.push_back(window);
  bytes_ += static_cast<std::int64_t>(bytes);
  return buffer;
}

void NcclBuffers::deregister() {
  for (ncclWindow_t window : windows_)
    if (window != nullptr) ncclCommWindowDeregister(comm_, window);
  windows_.clear();
}

}  // namespace baleen::parallel
