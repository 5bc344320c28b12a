#include <cuda_runtime.h>

#include "kernels/squared_norm_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kSumThreads = 1024;
constexpr int kWarp = 32;

// Sum over the block in a fixed order; thread 0 holds it.
template <int threads>
__device__ double block_sum(double value) {
  __shared__ double warps[threads / kWarp];
  for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = value;
  __syncthreads();
  if (threadIdx.x < kWarp) {
    value = threadIdx.x < threads / kWarp ? warps[threadIdx.x] : 0.0;
    for (int offset = kWarp / 2; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  return value;
}

template <typename T>
struct Vector16;
template <>
struct Vector16<float> {
  using type = float4;
  static __device__ double squares(float4 v) {
    const double x = v.x, y = v.y, z = v.z, w = v.w;
    return (x * x + y * y) + (z * z + w * w);
  }
};
template <>
struct Vector16<double> {
  using type = double2;
  static __device__ double squares(double2 v) { return v.x * v.x + v.y * v.y; }
};

// One chunk a block: 16-byte loads where it starts on 16 bytes (all but tightly fused parameters), single ones
// elsewhere.
template <typename T>
__global__ void chunk_squares(const T* gradient, const Chunk* chunks, double* partials, std::int32_t* first_nonfinite) {
  using Vector = typename Vector16<T>::type;
  constexpr int kWidth = sizeof(Vector) / sizeof(T);
  const Chunk chunk = chunks[blockIdx.x];
  const T* x = gradient + chunk.offset;
  const bool aligned = reinterpret_cast<std::uintptr_t>(x) % sizeof(Vector) == 0;
  const std::int64_t vectors = aligned ? chunk.elements / kWidth : 0;
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < vectors; i += kThreads) {
    sum += Vector16<T>::squares(reinterpret_cast<const Vector*>(x)[i]);
  }
  for (std::int64_t i = vectors * kWidth + threadIdx.x; i < chunk.elements; i += kThreads) {
    const double value = x[i];
    sum += value * value;
  }
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) {
    partials[blockIdx.x] = sum;
    if (!isfinite(sum)) atomicMin(first_nonfinite, static_cast<std::int32_t>(chunk.parameter));
  }
}

__global__ void add_partials(const double* partials, std::int64_t count, double* total) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kSumThreads) sum += partials[i];
  sum = block_sum<kSumThreads>(sum);
  if (threadIdx.x == 0) *total += sum;
}

}  // namespace

template <typename T>
void launch_squared_norm(const T* gradient, const Chunk* chunks, std::int64_t count, double* partials, double* sum,
                         std::int32_t* first_nonfinite, void* stream) {
  const auto s = static_cast<cudaStream_t>(stream);
  chunk_squares<T><<<static_cast<unsigned>(count), kThreads, 0, s>>>(gradient, chunks, partials, first_nonfinite);
  add_partials<<<1, kSumThreads, 0, s>>>(partials, count, sum);
}

template void launch_squared_norm<float>(const float*, const Chunk*, std::int64_t, double*, double*, std::int32_t*,
                                         void*);
template void launch_squared_norm<double>(const double*, const Chunk*, std::int64_t, double*, double*, std::int32_t*,
                                          void*);

}  // namespace baleen::kernels
