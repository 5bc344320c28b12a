#include "kernels/cuda_kernel.cuh"
#include "kernels/dropout_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kChunks = 2;  // a thread, all loaded before the first is needed

/// keep * value / (1 - p) + added, by the element's random bits.
template <typename T>
struct Dropped {
  float drop_below;
  Wide<T> scale;

  __device__ __forceinline__ T operator()(T value, T added, std::uint32_t bits) const {
    const Wide<T> kept = core::uniform_from(bits) < drop_below ? Wide<T>{0} : widen(value) * scale;
    return static_cast<T>(kept + widen(added));
  }
};

/// kBlocks: each chunk is made of whole blocks of Philox, that is of four elements.
template <typename T, int N, bool kBlocks>
__global__ void __launch_bounds__(kThreads) dropout_kernel(DropoutArgs a) {
  const auto* x = static_cast<const T*>(a.x);
  const auto* residual = static_cast<const T*>(a.residual);
  auto* y = static_cast<T*>(a.y);
  const Dropped<T> dropped{static_cast<float>(a.p), static_cast<Wide<T>>(1 / (1 - a.p))};
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kChunks * kThreads + threadIdx.x) * N;
  Chunk<T, N> chunk[kChunks], added[kChunks];
#pragma unroll
  for (int k = 0; k < kChunks; ++k) {
    const std::int64_t i = first + k * kThreads * N;
    added[k] = {};
    if (i + N > a.count) continue;
    chunk[k] = load<N>(x + i);
    if (residual) added[k] = load<N>(residual + i);
  }
#pragma unroll
  for (int k = 0; k < kChunks; ++k) {
    const std::int64_t i = first + k * kThreads * N;
    const auto element = static_cast<std::uint64_t>(a.first_element + i);
    if (i + N > a.count) {
      for (int j = 0; i + j < a.count; ++j)
        y[i + j] = dropped(x[i + j], residual ? residual[i + j] : T{}, core::random_u32(a.stream, element + j));
      continue;
    }
    if constexpr (kBlocks) {
#pragma unroll
      for (int j = 0; j < N; j += 4) {
        const core::Philox4 words = core::philox(a.stream, (element + j) / 4);
#pragma unroll
        for (int w = 0; w < 4; ++w) chunk[k].at[j + w] = dropped(chunk[k].at[j + w], added[k].at[j + w], words.word[w]);
      }
    } else {
      core::Philox4 words;
      for (int j = 0; j < N; ++j) {
        if (j == 0 || (element + j) % 4 == 0) words = core::philox(a.stream, (element + j) / 4);
        chunk[k].at[j] = dropped(chunk[k].at[j], added[k].at[j], words.word[(element + j) % 4]);
      }
    }
    store<N>(y + i, chunk[k]);
  }
}

template <typename T, int N, bool kBlocks>
void start(const DropoutArgs& args, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned int>(divide_up(args.count, std::int64_t{N} * kChunks * kThreads));
  dropout_kernel<T, N, kBlocks><<<blocks, kThreads, 0, stream>>>(args);
  check_launch("dropout");
}

}  // namespace

void launch_dropout(core::DType type, const DropoutArgs& args, void* stream) {
  if (args.count == 0) return;
  for_element_type(type, [&]<typename T>() {
    for_chunk_size<T>(aligned_to_16(args.x, args.residual, args.y), [&]<int N>() {
      if constexpr (N % 4 == 0) {
        if (args.first_element % 4 == 0) return start<T, N, true>(args, as_stream(stream));
      }
      start<T, N, false>(args, as_stream(stream));
    });
  });
}

}  // namespace baleen::kernels
