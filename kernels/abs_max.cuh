#pragma once
// The largest absolute value of what a kernel writes, in the order of bit patterns: NaN is above infinity.

#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {

template <typename T>
__device__ __forceinline__ std::uint32_t magnitude(T value) {
  return __float_as_uint(static_cast<float>(value)) & 0x7FFFFFFFu;
}

template <typename T, int N>
__device__ __forceinline__ std::uint32_t magnitude(const Chunk<T, N>& chunk) {
  std::uint32_t largest = 0;
  for (int j = 0; j < N; ++j) largest = max(largest, magnitude(chunk.at[j]));
  return largest;
}

/// Raises *slot to the largest `magnitude` of kWarps warps, a whole block (more than one: of this many threads in x)
/// whose threads must all call this, or one warp. Most are not larger than what is there, which costs a load and no
/// atomic operation; all go to one address, so a kernel should not have many more blocks than it needs.
template <int kWarps>
__device__ __forceinline__ void raise_abs_max(float* slot, std::uint32_t magnitude) {
  magnitude = __reduce_max_sync(0xFFFFFFFFu, magnitude);
  if constexpr (kWarps > 1) {
    __shared__ std::uint32_t of_warps[kWarps];
    if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = magnitude;
    __syncthreads();
    for (int warp = 0; warp < static_cast<int>(blockDim.x) / kWarp; ++warp) magnitude = max(magnitude, of_warps[warp]);
  }
  auto* bits = reinterpret_cast<std::uint32_t*>(slot);
  const bool speaks = kWarps > 1 ? threadIdx.x == 0 : threadIdx.x % kWarp == 0;
  if (speaks && magnitude > __ldcg(bits)) atomicMax(bits, magnitude);
}

}  // namespace baleen::kernels
