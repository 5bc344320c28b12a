#pragma once
// 16 bytes of a flat buffer at a time, as registers of one thread, for CUDA kernels; the last pack may be partial.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace baleen::kernels {

template <typename T>
struct alignas(16) Pack {
  static constexpr int kWidth = 16 / sizeof(T);
  T at[kWidth];
};

/// `valid` elements from `from` (16-byte aligned); zeros beyond them.
template <typename T>
__device__ Pack<T> load_pack(const T* from, std::int64_t valid) {
  if (valid >= Pack<T>::kWidth) return *reinterpret_cast<const Pack<T>*>(from);
  Pack<T> pack;
#pragma unroll
  for (int i = 0; i < Pack<T>::kWidth; ++i) pack.at[i] = i < valid ? from[i] : T(0);
  return pack;
}

template <typename T>
__device__ void store_pack(T* to, const Pack<T>& pack, std::int64_t valid) {
  if (valid >= Pack<T>::kWidth) {
    *reinterpret_cast<Pack<T>*>(to) = pack;
    return;
  }
#pragma unroll
  for (int i = 0; i < Pack<T>::kWidth; ++i) {
    if (i < valid) to[i] = pack.at[i];
  }
}

/// Value type of shards whose masters are the values: nothing is published.
struct NoValue {};

__device__ inline void round_to(__nv_bfloat16& out, float x) {
  out = __float2bfloat16_rn(x);
}
__device__ inline void round_to(__half& out, float x) {
  out = __float2half_rn(x);
}

/// Writes the rounded pack to the published values.
template <typename V, typename T>
__device__ void publish_pack(V* to, const Pack<T>& pack, std::int64_t valid) {
  constexpr int kWidth = Pack<T>::kWidth;
  struct alignas(kWidth * sizeof(V)) Rounded {
    V at[kWidth];
  } rounded;
#pragma unroll
  for (int i = 0; i < kWidth; ++i) round_to(rounded.at[i], pack.at[i]);
  if (valid >= kWidth) {
    *reinterpret_cast<Rounded*>(to) = rounded;
    return;
  }
#pragma unroll
  for (int i = 0; i < kWidth; ++i) {
    if (i < valid) to[i] = rounded.at[i];
  }
}
template <typename T>
__device__ void publish_pack(NoValue*, const Pack<T>&, std::int64_t) {}

}  // namespace baleen::kernels
