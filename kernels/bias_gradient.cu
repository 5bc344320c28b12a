#include "kernels/bias_gradient_launch.h"
#include "kernels/cuda_kernel.cuh"
#include "kernels/partial_sums.cuh"

namespace baleen::kernels {
namespace {

constexpr int kRowGroups = kBiasGradientRows;
constexpr int kAhead = 8;  // rows that a thread loads before it adds them

/// Block (x, y) adds every gridDim.y * 8th row of 32 chunks of columns: eight groups of threads, whose sums are then
/// added.
template <typename T, int N>
__global__ void __launch_bounds__(kWarp* kRowGroups, 4) add_rows_kernel(BiasGradientArgs a) {
  using W = Wide<T>;
  __shared__ W sums[kRowGroups][N][kWarp];
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.x) * kWarp + threadIdx.x) * N;
  W sum[N] = {};
  if (column < a.columns) {
    const T* __restrict__ dy = static_cast<const T*>(a.dy) + column;
    const std::int64_t step = static_cast<std::int64_t>(gridDim.y) * kRowGroups;
    std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * kRowGroups + threadIdx.y;
    const auto add = [&](const Chunk<T, N>& chunk) {
      for (int j = 0; j < N; ++j) sum[j] += widen(chunk.at[j]);
    };
    for (; row + (kAhead - 1) * step < a.rows; row += kAhead * step) {
      Chunk<T, N> chunks[kAhead];
#pragma unroll
      for (int k = 0; k < kAhead; ++k) chunks[k] = load<N>(dy + (row + k * step) * a.stride);
#pragma unroll
      for (int k = 0; k < kAhead; ++k) add(chunks[k]);
    }
    for (; row < a.rows; row += step) add(load<N>(dy + row * a.stride));
  }
  for (int j = 0; j < N; ++j) sums[threadIdx.y][j][threadIdx.x] = sum[j];
  __syncthreads();
  const int thread = static_cast<int>(threadIdx.y) * kWarp + static_cast<int>(threadIdx.x);
  for (int i = thread; i < N * kWarp; i += kRowGroups * kWarp) {
    const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * kWarp * N + i;
    if (c >= a.columns) break;
    W total = 0;
    for (int group = 0; group < kRowGroups; ++group) total += sums[group][i % N][i / N];
    static_cast<W*>(a.partials)[blockIdx.y * a.columns + c] = total;
  }
}

}  // namespace

void launch_bias_gradient(core::DType type, const BiasGradientArgs& args, void* stream) {
  if (args.columns == 0) return;
  for_element_type(type, [&]<typename T>() {
    using W = Wide<T>;
    const std::int64_t partials = bias_gradient_partials(args.rows, args.columns);
    const bool wide = aligned_to_16(args.dy) && strides_of_16<T>(args.stride, args.columns);
    for_chunk_size<T>(wide, [&]<int N>() {
      const dim3 grid(static_cast<unsigned int>(divide_up(args.columns / N, kWarp)),
                      static_cast<unsigned int>(partials));
      add_rows_kernel<T, N><<<grid, dim3(kWarp, kRowGroups), 0, as_stream(stream)>>>(args);
      check_launch("bias_gradient");
    });
    add_partials(static_cast<const W*>(args.partials), static_cast<W*>(args.sum), partials, args.columns,
                 as_stream(stream));
  });
}

}  // namespace baleen::kernels
