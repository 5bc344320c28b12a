#pragma once
// Rows that groups of warps hold in registers, for kernels that read a row once and need all of it before they write.

#include "kernels/cuda_kernel.cuh"
#include "kernels/row_layout.h"

namespace baleen::kernels {

/// A block does as many rows at once, one for each threadIdx.y, as make up this many warps.
inline constexpr int kRowWarps = 8;

template <int kWarps>
inline constexpr int kRowsAtOnce = kWarps < kRowWarps ? kRowWarps / kWarps : 1;

template <int kWarps>
inline constexpr int kRowThreads = kRowsAtOnce<kWarps>* kWarps* kWarp;  // of a block

template <int kWarps>
dim3 row_block() {
  return {kWarps * kWarp, kRowsAtOnce<kWarps>};
}

/// Calls f.operator()<kWarps>() with the fewest warps, 1 to kMost, that hold a row of `chunks` at kChunks a thread, or
/// `otherwise` where none do.
template <int kMost, int kChunks, int kWarps = 1, typename F, typename Otherwise>
void for_warps_that_hold(std::int64_t chunks, const F& f, const Otherwise& otherwise) {
  if (chunks <= kWarps * kWarp * kChunks) {
    f.template operator()<kWarps>();
  } else if constexpr (kWarps < kMost) {
    for_warps_that_hold<kMost, kChunks, 2 * kWarps>(chunks, f, otherwise);
  } else {
    otherwise();
  }
}

/// What one thread of kWarps warps holds of a row: every (kWarps * 32)th chunk from threadIdx.x on.
template <typename T, int N, int kWarps, int kChunks>
struct RowPart {
  Chunk<T, N> at[kChunks];

  /// Chunk i's number in the row; it may lie beyond the row's end.
  static __device__ __forceinline__ int number(int i) { return static_cast<int>(threadIdx.x) + i * kWarps * kWarp; }
  /// Zeros beyond the row's end.
  __device__ __forceinline__ void load(const T* row, int chunks) {
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      at[i] = {};
      if (number(i) < chunks) at[i] = kernels::load<N>(row + number(i) * N);
    }
  }
};

/// The sum over the threads of this row (those with this threadIdx.y), the same bits in each. All threads of the block
/// must call this. `scratch`: shared memory of the row for 2 * kWarps values; calls that follow each other take turns
/// in its halves, so that one barrier does.
template <int kWarps, typename W>
__device__ __forceinline__ W row_sum(W value, W* scratch, int turn) {
  value = warp_sum(value);
  if constexpr (kWarps > 1) {
    W* sums = scratch + turn % 2 * kWarps;
    if (threadIdx.x % kWarp == 0) sums[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = sums[0];
#pragma unroll
    for (int warp = 1; warp < kWarps; ++warp) value += sums[warp];
  }
  return value;
}

inline bool rows_of_16(const RowLayout& rows, std::size_t size) {
  return (rows.outer_stride * static_cast<std::int64_t>(size)) % 16 == 0 &&
         (rows.inner == 1 || (rows.inner_stride * static_cast<std::int64_t>(size)) % 16 == 0);
}

}  // namespace baleen::kernels
