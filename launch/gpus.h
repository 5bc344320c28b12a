#pragma once
// The GPUs that this process sees, and which of them a rank takes.

#include <array>
#include <string>
#include <vector>

namespace baleen::launch {

using GpuId = std::array<unsigned char, 16>;  // the driver's UUID

bool built_for_gpus();
/// 0 without CUDA, a driver or a device.
int visible_gpus();
GpuId gpu_id(int index);
/// Makes it the current device of this thread.
void use_gpu(int index);

/// What the ranks of a node tell each other: how many GPUs each sees, and the first one's id.
struct GpuView {
  int count = 0;
  GpuId first{};
};

/// The index of this rank's GPU: its local rank where all ranks see enough of them, 0 where the scheduler shows each
/// rank one of its own. Throws Error(environment) where there are more ranks than GPUs.
int pick_gpu(const std::vector<GpuView>& views, int local_rank, const std::string& host);

}  // namespace baleen::launch
