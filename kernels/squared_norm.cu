#include "kernels/cuda_kernel.cuh"
#include "kernels/squared_norm_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kSumThreads = 1024;

// One chunk a block: 16-byte loads where it starts on 16 bytes (all but tightly fused parameters), single ones
// elsewhere.
template <typename T>
__global__ void __launch_bounds__(kThreads) chunk_squares_kernel(const T* gradient, const SegmentChunk* chunks,
                                                                 double* partials, std::int32_t* first_nonfinite) {
  __shared__ double scratch[kThreads / kWarp];
  constexpr int kWidth = 16 / sizeof(T);
  const SegmentChunk chunk = chunks[blockIdx.x];
  const T* x = gradient + chunk.offset;
  const bool aligned = reinterpret_cast<std::uintptr_t>(x) % 16 == 0;
  const std::int64_t wide = aligned ? chunk.elements / kWidth * kWidth : 0;
  double sum = 0;
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * kWidth; i < wide; i += kThreads * kWidth) {
    const Chunk<T, kWidth> values = load<kWidth>(x + i);
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum += static_cast<double>(values.at[k]) * static_cast<double>(values.at[k]);
  }
  for (std::int64_t i = wide + threadIdx.x; i < chunk.elements; i += kThreads) {
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  sum = group_sum<kThreads / kWarp>(sum, scratch);
  if (threadIdx.x == 0) {
    partials[blockIdx.x] = sum;
    if (!isfinite(sum)) atomicMin(first_nonfinite, static_cast<std::int32_t>(chunk.parameter));
  }
}

__global__ void __launch_bounds__(kSumThreads) total_kernel(const double* partials, std::int64_t count, double* total) {
  __shared__ double scratch[kSumThreads / kWarp];
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kSumThreads) sum += partials[i];
  sum = group_sum<kSumThreads / kWarp>(sum, scratch);
  if (threadIdx.x == 0) *total += sum;
}

}  // namespace

template <typename T>
void launch_squared_norm(const T* gradient, const SegmentChunk* chunks, std::int64_t count, double* partials,
                         double* sum, std::int32_t* first_nonfinite, void* stream) {
  const auto blocks = static_cast<unsigned int>(count);
  chunk_squares_kernel<T><<<blocks, kThreads, 0, as_stream(stream)>>>(gradient, chunks, partials, first_nonfinite);
  total_kernel<<<1, kSumThreads, 0, as_stream(stream)>>>(partials, count, sum);
  check_launch("squared_norm");
}

template void launch_squared_norm<float>(const float*, const SegmentChunk*, std::int64_t, double*, double*,
                                         std::int32_t*, void*);
template void launch_squared_norm<double>(const double*, const SegmentChunk*, std::int64_t, double*, double*,
                                          std::int32_t*, void*);

}  // namespace baleen::kernels
