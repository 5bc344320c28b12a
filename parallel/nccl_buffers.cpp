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
  const std::int64_t bytes = elements * static_cast<std::int64_t>(options.dtype().itemsize());
  void* buffer = pool_.take(bytes, [this](std::int64_t size) { return make(static_cast<std::size_t>(size)); });
  const auto give_back = [self = shared_from_this(), bytes](void* given) { self->pool_.give_back(given, bytes); };
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
  return buffer;
}

void NcclBuffers::deregister() {
  for (ncclWindow_t window : windows_)
    if (window != nullptr) ncclCommWindowDeregister(comm_, window);
  windows_.clear();
}

}  // namespace baleen::parallel
