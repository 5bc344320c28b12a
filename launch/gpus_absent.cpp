#include "core/error.h"
#include "launch/gpus.h"

namespace baleen::launch {

bool built_for_gpus() {
  return false;
}
int visible_gpus() {
  return 0;
}

GpuId gpu_id(int) {
  core::require(false, "a build without CUDA is not asked for a GPU");
  return {};
}

void use_gpu(int) {
  core::require(false, "a build without CUDA uses no GPU");
}

}  // namespace baleen::launch
