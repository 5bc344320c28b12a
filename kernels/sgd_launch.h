#pragma once
// CUDA launcher of sgd.h: pointers on the device, `stream` a cudaStream_t.

#include "kernels/flat_shard.h"
#include "kernels/sgd_update.h"

namespace baleen::kernels {

void launch_sgd(const FlatShard& shard, const SgdOptions& options, void* stream);

}  // namespace baleen::kernels
