#pragma once
// CUDA launcher of adamw.h: pointers on the device, `stream` a cudaStream_t.

#include "kernels/adamw_update.h"
#include "kernels/flat_shard.h"

namespace baleen::kernels {

void launch_adamw(const FlatShard& shard, const AdamwOptions& options, void* stream);

}  // namespace baleen::kernels
