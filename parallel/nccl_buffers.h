#pragma once
// Device memory that is registered with an NCCL communicator: gathers inside it go by the GPU's copy engines, beside
// kernels instead of among them. Internal to the NCCL communicator.

#include <ATen/core/Tensor.h>
#include <nccl.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/buffer_pool.h"

namespace baleen::parallel {

/// Buffers are made when none of their size is free, by all ranks of the communicator at once, and live as long as it.
/// One thread.
class NcclBuffers : public std::enable_shared_from_this<NcclBuffers> {
 public:
  explicit NcclBuffers(ncclComm_t comm) : comm_(comm) {}
  ~NcclBuffers();
  NcclBuffers(const NcclBuffers&) = delete;
  NcclBuffers& operator=(const NcclBuffers&) = delete;

  /// A tensor of a free buffer, which is free again when nobody holds it. All ranks take and let go in the same order,
  /// so that they have the same buffer each time.
  at::Tensor take(std::int64_t elements, const at::TensorOptions& options);
  /// Bytes of all buffers.
  std::int64_t bytes() const { return pool_.bytes(); }
  /// Before the communicator is destroyed.
  void deregister();

 private:
  void* make(std::size_t bytes);

  ncclComm_t comm_;
  BufferPool<void*> pool_;
  std::vector<void*> all_;
  std::vector<ncclWindow_t> windows_;
};

}  // namespace baleen::parallel
