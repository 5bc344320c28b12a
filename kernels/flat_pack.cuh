#pragma once
// 16 bytes of a flat shard at a time, for the kernels of optimizers; the last ones of a shard may be fewer.

#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {

template <typename T>
inline constexpr int kPack = 16 / sizeof(T);
template <typename T>
using Pack = Chunk<T, kPack<T>>;

/// `valid` elements from `from` (16-byte aligned), zeros beyond them.
template <typename T>
__device__ Pack<T> load_pack(const T* from, std::int64_t valid) {
  if (valid >= kPack<T>) return load<kPack<T>>(from);
  Pack<T> pack;
#pragma unroll
  for (int i = 0; i < kPack<T>; ++i) pack.at[i] = i < valid ? from[i] : T(0);
  return pack;
}

/// Writes the first `valid` elements.
template <typename T, int N>
__device__ void store_pack(T* to, const Chunk<T, N>& pack, std::int64_t valid) {
  if (valid >= N) {
    store(to, pack);
    return;
  }
#pragma unroll
  for (int i = 0; i < N; ++i) {
    if (i < valid) to[i] = pack.at[i];
  }
}

/// Value type of shards whose masters are the values: nothing is published.
struct NoValue {};

/// Writes the rounded masters to the published values.
template <typename V, typename T>
__device__ void publish_pack(V* to, const Pack<T>& master, std::int64_t valid) {
  if constexpr (!std::is_same_v<V, NoValue>) {
    Chunk<V, kPack<T>> rounded;
#pragma unroll
    for (int i = 0; i < kPack<T>; ++i) rounded.at[i] = static_cast<V>(master.at[i]);
    store_pack(to, rounded, valid);
  }
}

}  // namespace baleen::kernels
