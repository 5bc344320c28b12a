#pragma once
// The second stage of a deterministic sum over rows: partial sums, made by the blocks of a first kernel, added in
// order.

#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {

inline constexpr int kPartialGroups = 32;

/// out[c] = the sum of partials[p, c] over p: each of 32 groups of threads adds every 32nd, then the 32 sums are added.
template <typename Out, typename W>
__global__ void add_partials_kernel(const W* __restrict__ partials, Out* __restrict__ out, std::int64_t count,
                                    std::int64_t columns) {
  __shared__ W sums[kPartialGroups][kWarp];
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kWarp + threadIdx.x;
  W sum = 0;
  if (column < columns) {
#pragma unroll 8
    for (std::int64_t p = threadIdx.y; p < count; p += kPartialGroups) sum += partials[p * columns + column];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= columns) return;
  for (int group = 1; group < kPartialGroups; ++group) sum += sums[group][threadIdx.x];
  out[column] = static_cast<Out>(sum);
}

template <typename Out, typename W>
void add_partials(const W* partials, Out* out, std::int64_t count, std::int64_t columns, cudaStream_t stream) {
  const dim3 block(kWarp, kPartialGroups);
  add_partials_kernel<<<static_cast<unsigned int>(divide_up(columns, kWarp)), block, 0, stream>>>(partials, out, count,
                                                                                                  columns);
  check_launch("add_partials");
}

}  // namespace baleen::kernels
