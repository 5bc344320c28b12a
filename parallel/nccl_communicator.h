#pragma once
// Collectives of GPU tensors over NCCL, each communicator on a high-priority stream of its own.
//
// An operation starts after what the caller's current stream holds when it is issued; Work::wait() makes the then
// current stream wait for it and never blocks the host. The Work keeps the tensors alive until it is waited for.
// One that is destroyed while an exception unwinds is left as it is: other ranks may never come, and the process ends.
// NCCL's errors become Error(rank_lost) with NCCL's own words. Sums are NCCL's: equal bits for equal ranks and sizes.

#include <c10/core/Stream.h>

#include <memory>
#include <optional>
#include <string>

#include "parallel/communicator.h"

namespace baleen::parallel {

struct NcclOptions {
  /// Blocks, and so SMs, that its kernels take at most; 0: as many as NCCL likes. NCCL_MAX_CTAS overrides it for all
  /// communicators.
  int most_ctas = 0;
  /// On one host: gathers in place into an empty_for_gather() go by copy engines and take no SM. Its memory is not
  /// LibTorch's. NCCL_WIN_ENABLE=0 makes them kernels again.
  bool copy_engines = false;
};

/// Collective over `host`: the same ranks, each with the CUDA device that is current on its thread.
/// Throws Error(environment) in a build without CUDA.
std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, const NcclOptions& options = {});

/// The stream of one that make_nccl_communicator() made; none of any other.
std::optional<c10::Stream> nccl_stream(const Communicator& communicator);

struct NcclLibrary {
  std::string version;  // "2.28.9"
  std::string path;     // of the library that is loaded
};
/// Both empty in a build without CUDA.
NcclLibrary nccl_library();

}  // namespace baleen::parallel
