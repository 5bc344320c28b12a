#include "kernels/cross_entropy_launch.h"
#include "kernels/cuda_kernel.cuh"

namespace baleen::kernels {
namespace {

constexpr float kLog2E = 1.4426950408889634f;

/// FP32 goes by exp2, which is one instruction of the hardware: there are few others to spare for each element.
__device__ __forceinline__ float exponential(float x) {
  return exp2f(x * kLog2E);
}
__device__ __forceinline__ double exponential(double x) {
  return exp(x);
}

__device__ __forceinline__ float larger(float a, float b) {
  return fmaxf(a, b);
}
__device__ __forceinline__ double larger(double a, double b) {
  return fmax(a, b);
}

/// The maximum of some values and the sum of exp(value - max) (Milakov & Gimelshein 2018).
template <typename W>
struct MaxSum {
  W max, sum;

  static __device__ __forceinline__ MaxSum of_nothing() { return {-INFINITY, 0}; }
  __device__ __forceinline__ void raise_to(W new_max) {
    if (new_max > max) {
      sum *= exponential(max - new_max);
      max = new_max;
    }
  }
  __device__ __forceinline__ void join(MaxSum other) {
    raise_to(other.max);
    if (other.sum != 0) sum += other.sum * exponential(other.max - max);
  }
};

template <typename W>
__device__ __forceinline__ MaxSum<W> warp_join(MaxSum<W> value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value.join({__shfl_down_sync(0xFFFFFFFFu, value.max, offset), __shfl_down_sync(0xFFFFFFFFu, value.sum, offset)});
  }
  return value;
}

/// One block a row.
template <typename T, int N>
__global__ void parts_kernel(CrossEntropyPartsArgs a) {
  using W = Wide<T>;
  __shared__ MaxSum<W> warps[kWarp];
  const std::int64_t row = blockIdx.x;
  const T* __restrict__ logits = static_cast<const T*>(a.logits) + row * a.stride;
  MaxSum<W> mine = MaxSum<W>::of_nothing();
  const auto take = [&mine](const auto& chunk) {
    W max = widen(chunk.at[0]);
    for (const T value : chunk.at) max = larger(max, widen(value));
    mine.raise_to(max);
    for (const T value : chunk.at) mine.sum += exponential(widen(value) - mine.max);
  };
  const std::int64_t whole = a.valid / N * N;
#pragma unroll 2
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * N; i < whole; i += blockDim.x * N) {
    take(load<N>(logits + i));
  }
  for (std::int64_t i = whole + threadIdx.x; i < a.valid; i += blockDim.x) take(load<1>(logits + i));

  mine = warp_join(mine);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = mine;
  __syncthreads();
  if (threadIdx.x >= kWarp) return;
  mine = warp_join(threadIdx.x < blockDim.x / kWarp ? warps[threadIdx.x] : MaxSum<W>::of_nothing());
  if (threadIdx.x != 0) return;
  static_cast<W*>(a.max)[row] = mine.max;
  static_cast<W*>(a.sum)[row] = mine.sum;
  const std::int64_t target = a.targets[row], column = target - a.first;
  const bool here = target >= 0 && column >= 0 && column < a.valid;
  static_cast<W*>(a.picked)[row] = here ? widen(logits[column]) : W{0};
}

/// grid.x: chunks of a row; grid.y strides over the rows.
template <typename T, int N>
__global__ void gradient_kernel(CrossEntropyGradientArgs a) {
  using W = Wide<T>;
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * N;
  if (i >= a.columns) return;
  const double scale = *a.scale;
  for (std::int64_t row = blockIdx.y; row < a.rows; row += gridDim.y) {
    T* logits = static_cast<T*>(a.logits) + row * a.stride + i;
    const std::int64_t target = a.targets[row];
    const std::int64_t picked = target < 0 ? -1 : target - a.first - i;  // the chunk's element that is the target
    const W lse = static_cast<const W*>(a.lse)[row];
    const W factor = static_cast<W>(1 + 2 * a.z_loss * static_cast<double>(lse));
    Chunk<T, N> chunk = load<N>(logits);
    for (int j = 0; j < N; ++j) {
      W gradient = 0;
      if (target >= 0 && i + j < a.valid) {
        gradient = factor * exponential(widen(chunk.at[j]) - lse) - (picked == j ? W{1} : W{0});
        gradient *= static_cast<W>(scale);
      }
      chunk.at[j] = static_cast<T>(gradient);
    }
    store<N>(logits, chunk);
  }
}

}  // namespace

void launch_cross_entropy_parts(core::DType type, const CrossEntropyPartsArgs& args, void* stream) {
  if (args.rows == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.logits) && strides_of_16<T>(args.stride);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(divide_up(args.valid, N), 1024);
      parts_kernel<T, N><<<static_cast<unsigned int>(args.rows), threads, 0, as_stream(stream)>>>(args);
      check_launch("cross_entropy_parts");
    });
  });
}

void launch_cross_entropy_gradient(core::DType type, const CrossEntropyGradientArgs& args, void* stream) {
  if (args.rows == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.logits) && strides_of_16<T>(args.stride, args.columns);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(args.columns / N, 256);
      const dim3 grid(static_cast<unsigned int>(divide_up(args.columns / N, threads)),
                      static_cast<unsigned int>(args.rows < 65535 ? args.rows : 65535));
      gradient_kernel<T, N><<<grid, threads, 0, as_stream(stream)>>>(args);
      check_launch("cross_entropy_gradient");
    });
  });
}

}  // namespace baleen::kernels
