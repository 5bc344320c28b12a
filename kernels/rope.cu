#include "kernels/abs_max.cuh"
#include "kernels/rope_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;

/// One block a token (grid.x strides over tokens), one thread a chunk of N pairs.
template <typename T, int N>
__global__ void rope_kernel(RopeArgs a) {
  using W = Wide<T>;
  const int half = a.head_dim / 2;
  const int chunks_per_head = half / N;
  const W direction = a.inverse ? W{-1} : W{1};
  std::uint32_t largest = 0;
  for (std::int64_t token = blockIdx.x; token < a.tokens; token += gridDim.x) {
    T* row = static_cast<T*>(a.qkv) + token * a.stride;
    const std::int64_t angles = a.positions[token] * half;
    const W* __restrict__ cos = static_cast<const W*>(a.cos) + angles;
    const W* __restrict__ sin = static_cast<const W*>(a.sin) + angles;
    for (int c = threadIdx.x; c < a.heads * chunks_per_head; c += blockDim.x) {
      const int first = c % chunks_per_head * N;
      T* low = row + c / chunks_per_head * a.head_dim + first;
      Chunk<T, N> x = load<N>(low), y = load<N>(low + half);
      for (int j = 0; j < N; ++j) {
        const W cosine = cos[first + j], sine = sin[first + j] * direction;
        const W wide_x = widen(x.at[j]), wide_y = widen(y.at[j]);
        x.at[j] = static_cast<T>(wide_x * cosine - wide_y * sine);
        y.at[j] = static_cast<T>(wide_y * cosine + wide_x * sine);
      }
      store<N>(low, x);
      store<N>(low + half, y);
      largest = max(largest, max(magnitude(x), magnitude(y)));
    }
    if (!a.abs_max) continue;
    const std::int64_t rotated = std::int64_t{a.heads} * a.head_dim, chunks = (a.width - rotated) / N;
    for (std::int64_t c = threadIdx.x; c < chunks; c += blockDim.x)
      largest = max(largest, magnitude(load<N>(row + rotated + c * N)));
    for (std::int64_t i = rotated + chunks * N + threadIdx.x; i < a.width; i += blockDim.x)
      largest = max(largest, magnitude(row[i]));
  }
  if (a.abs_max) raise_abs_max<kThreads / kWarp>(a.abs_max, largest);
}

}  // namespace

void launch_rope(core::DType type, const RopeArgs& args, void* stream) {
  if (args.tokens == 0 || args.heads == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.qkv) && strides_of_16<T>(args.stride, args.head_dim / 2);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(std::int64_t{args.heads} * (args.head_dim / 2 / N), kThreads);
      rope_kernel<T, N><<<static_cast<unsigned int>(args.tokens), threads, 0, as_stream(stream)>>>(args);
      check_launch("rope");
    });
  });
}

}  // namespace baleen::kernels
