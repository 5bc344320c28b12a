#pragma once
// The largest absolute value of what a kernel writes, in the order of bit patterns: NaN is above infinity.

#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {

template <typename T>
__device__ __forceinline__ std::uint32_t magnitude(T value) {
  return __float_as_uint(static_cast<float>(value)) & 0x7FFFFFFFu;
}

/// Raises *slot to the largest `magnitude` of the warp, all of whose threads must call. What is not larger than the
/// value there costs no atomic operation: most are not.
__device__ __forceinline__ void raise_abs_max(float* slot, std::uint32_t magnitude) {
  magnitude = __reduce_max_sync(0xFFFFFFFFu, magnitude);
  auto* bits = reinterpret_cast<std::uint32_t*>(slot);
  if (threadIdx.x % kWarp == 0 && magnitude > __ldcg(bits)) atomicMax(bits, magnitude);
}

}  // namespace baleen::kernels
