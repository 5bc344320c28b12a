#pragma once
// What the CUDA kernels share: element types, 16-byte chunks, sums over warps, launch checks.

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <type_traits>

#include "core/dtype.h"
#include "core/error.h"

namespace baleen::kernels {

inline constexpr int kWarp = 32;

/// What an op on elements of type T computes in: FP64 for FP64, FP32 for the rest.
template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

template <typename T>
__device__ __forceinline__ Wide<T> widen(T value) {
  return static_cast<Wide<T>>(value);
}

/// N neighbours of a row, read and written in one access. N is 1 or what fills 16 bytes.
template <typename T, int N>
struct alignas(N * sizeof(T)) Chunk {
  T at[N];
};

template <int N, typename T>
__device__ __forceinline__ Chunk<T, N> load(const T* from) {
  return *reinterpret_cast<const Chunk<T, N>*>(from);
}

template <int N, typename T>
__device__ __forceinline__ void store(T* to, const Chunk<T, N>& chunk) {
  *reinterpret_cast<Chunk<T, N>*>(to) = chunk;
}

/// The sum over a warp, the same bits in every lane.
template <typename W>
__device__ __forceinline__ W warp_sum(W value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xFFFFFFFFu, value, offset);
  return value;
}

/// The sum over the kWarps warps of a row's group, the same bits in every thread. Groups of several warps are whole
/// blocks, all of whose threads must call this; `scratch` is shared memory for kWarps values.
template <int kWarps, typename W>
__device__ __forceinline__ W group_sum(W value, W* scratch) {
  value = warp_sum(value);
  if constexpr (kWarps > 1) {
    if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = scratch[0];
    for (int warp = 1; warp < kWarps; ++warp) value += scratch[warp];
    __syncthreads();  // the scratch may be written again at once
  }
  return value;
}

/// Calls f.operator()<T>() with the CUDA type of a floating-point element type.
template <typename F>
void for_element_type(core::DType type, const F& f) {
  switch (type) {
    case core::DType::f64:
      return f.template operator()<double>();
    case core::DType::f32:
      return f.template operator()<float>();
    case core::DType::bf16:
      return f.template operator()<__nv_bfloat16>();
    case core::DType::f16:
      return f.template operator()<__half>();
    default:
      core::require(false, "this CUDA kernel takes fp64, fp32, bf16 or fp16");
  }
}

/// Whether all of these addresses and strides (in bytes) allow accesses of 16 bytes.
template <typename... Address>
bool aligned_to_16(Address... address) {
  return ((reinterpret_cast<std::uintptr_t>(address) | ...) % 16) == 0;
}
template <typename T, typename... Stride>
bool strides_of_16(Stride... elements) {
  return (((static_cast<std::uint64_t>(elements) * sizeof(T)) | ...) % 16) == 0;
}

/// Calls f.operator()<N>() with N elements a chunk: 16 bytes where the addresses allow it, else one element.
template <typename T, typename F>
void for_chunk_size(bool wide_accesses, const F& f) {
  wide_accesses ? f.template operator()<static_cast<int>(16 / sizeof(T))>() : f.template operator()<1>();
}

inline cudaStream_t as_stream(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Threads for a loop over `count` items: whole warps, at most `limit`.
inline unsigned int threads_for(std::int64_t count, int limit) {
  const std::int64_t warps = divide_up(count, kWarp);
  return static_cast<unsigned int>(warps * kWarp < limit ? (warps > 0 ? warps : 1) * kWarp : limit);
}

inline void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  throw core::Error(core::ExitCode::internal, std::string("CUDA failed in ") + what + ": " + cudaGetErrorString(status),
                    "run again with CUDA_LAUNCH_BLOCKING=1 to see which kernel failed");
}

inline void check_launch(const char* kernel) {
  check_cuda(cudaGetLastError(), kernel);
}

}  // namespace baleen::kernels
