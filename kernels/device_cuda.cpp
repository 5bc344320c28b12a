#include <c10/cuda/CUDAStream.h>

#include "kernels/device.h"

namespace baleen::kernels {

void* current_stream(at::Device device) {
  return c10::cuda::getCurrentCUDAStream(device.index()).stream();
}

}  // namespace baleen::kernels
