#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {

int compute_capability(at::Device device) {
  int major = 0, minor = 0;
  core::require(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device.index()) == cudaSuccess &&
                    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device.index()) == cudaSuccess,
                "CUDA tells a GPU's compute capability");
  return 10 * major + minor;
}

void* current_stream(at::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

}  // namespace baleen::kernels
