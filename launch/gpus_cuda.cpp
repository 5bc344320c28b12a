#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>

#include <algorithm>

#include "launch/gpus.h"

namespace baleen::launch {

bool built_for_gpus() {
  return true;
}
int visible_gpus() {
  return c10::cuda::device_count();
}

GpuId gpu_id(int index) {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, index));
  GpuId id{};
  std::copy_n(properties.uuid.bytes, id.size(), id.begin());
  return id;
}

void use_gpu(int index) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
}

}  // namespace baleen::launch
