#include "kernels/cuda_kernel.cuh"
#include "kernels/exact_squares_bins.h"
#include "kernels/exact_squares_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kEverything = 2048;  // more than any position

// Calls f(parts of the square) for this thread's elements of the chunk.
template <typename T, typename F>
__device__ __forceinline__ void for_each_square(const T* x, std::int64_t elements, const F& f) {
  constexpr int kWidth = 16 / sizeof(T);
  const auto one = [&](T value) { f(square_parts(static_cast<double>(value) * static_cast<double>(value))); };
  const bool aligned = reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  const std::int64_t wide = aligned ? elements / kWidth * kWidth : 0;
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * kWidth; i < wide; i += kThreads * kWidth) {
    const Chunk<T, kWidth> values = load<kWidth>(x + i);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) one(values.at[k]);
  }
  for (std::int64_t i = wide + threadIdx.x; i < elements; i += kThreads) one(x[i]);
}

// The sum over the block, in thread 0.
__device__ __forceinline__ Wide128 block_sum(Wide128 sum, Wide128* scratch) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    add(sum, {__shfl_xor_sync(0xFFFFFFFFu, sum.low, offset), __shfl_xor_sync(0xFFFFFFFFu, sum.high, offset)});
  }
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = sum;
  __syncthreads();
  for (int warp = 1; threadIdx.x == 0 && warp < kThreads / kWarp; ++warp) add(sum, scratch[warp]);
  return sum;
}

static_assert(kChunkElements <= 4096, "53 + 63 + 12 bits");

// One chunk a block. Its squares are summed by windows of positions, from the highest down, each in 128 bits: a window
// holds shifts below 64, so that a chunk's sum fits. Gradients mostly need one or two windows.
template <typename T>
__global__ void __launch_bounds__(kThreads) exact_squares_kernel(const T* gradient, const SegmentChunk* chunks,
                                                                 std::int64_t* bins, std::int32_t* first_nonfinite) {
  __shared__ Wide128 scratch[kThreads / kWarp];
  __shared__ int highest;
  const SegmentChunk chunk = chunks[blockIdx.x];
  const T* x = gradient + chunk.offset;
  bool finite = true;
  for (int end = kEverything; end > 0;) {
    int mine = -1;
    for_each_square(x, chunk.elements, [&](const SquareParts& square) {
      finite = finite && square.finite;
      if (square.mantissa != 0 && square.position < end) mine = max(mine, square.position);
    });
    if (threadIdx.x == 0) highest = -1;
    __syncthreads();
    mine = __reduce_max_sync(0xFFFFFFFFu, mine);
    if (threadIdx.x % kWarp == 0) atomicMax(&highest, mine);
    __syncthreads();
    if (highest < 0) break;
    const int bin = max(highest / kBinBits - 1, 0);
    const int begin = bin * kBinBits;
    Wide128 sum;
    for_each_square(x, chunk.elements, [&](const SquareParts& square) {
      if (square.position >= begin && square.position < end) add_shifted(sum, square.mantissa, square.position - begin);
    });
    sum = block_sum(sum, scratch);
    for (int digit = 0; threadIdx.x == 0 && digit < 4; ++digit) {
      atomicAdd(reinterpret_cast<unsigned long long*>(bins + bin + digit),
                static_cast<unsigned long long>(digit_of(sum, digit)));
    }
    end = begin;
    __syncthreads();  // highest and scratch are written again
  }
  if (__syncthreads_and(finite) == 0 && threadIdx.x == 0) {
    atomicMin(first_nonfinite, static_cast<std::int32_t>(chunk.parameter));
    atomicAdd(reinterpret_cast<unsigned long long*>(bins + kSquareBins), 1ULL);
  }
}

__global__ void round_kernel(std::int64_t* bins, double* sum) {
  *sum = bins[kSquareBins] > 0 ? HUGE_VAL : round_bins(bins);
}

}  // namespace

template <typename T>
void launch_exact_squares(const T* gradient, const SegmentChunk* chunks, std::int64_t count, std::int64_t* bins,
                          std::int32_t* first_nonfinite, void* stream) {
  const auto blocks = static_cast<unsigned int>(count);
  exact_squares_kernel<T><<<blocks, kThreads, 0, as_stream(stream)>>>(gradient, chunks, bins, first_nonfinite);
  check_launch("exact_squares");
}

template void launch_exact_squares<float>(const float*, const SegmentChunk*, std::int64_t, std::int64_t*, std::int32_t*,
                                          void*);
template void launch_exact_squares<double>(const double*, const SegmentChunk*, std::int64_t, std::int64_t*,
                                           std::int32_t*, void*);

void launch_round_square_bins(std::int64_t* bins, double* sum, void* stream) {
  round_kernel<<<1, 1, 0, as_stream(stream)>>>(bins, sum);
  check_launch("round_square_bins");
}

}  // namespace baleen::kernels
