#include "kernels/cuda_kernel.cuh"
#include "kernels/dropout_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;

template <typename T, int N>
__global__ void dropout_kernel(DropoutArgs a) {
  using W = Wide<T>;
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * N;
  if (i >= a.count) return;
  const auto* x = static_cast<const T*>(a.x);
  const auto* residual = static_cast<const T*>(a.residual);
  auto* y = static_cast<T*>(a.y);
  const auto drop_below = static_cast<float>(a.p);
  const auto scale = static_cast<W>(1 / (1 - a.p));
  core::Philox4 words;
  const auto element_of = [&](T value, T added, int j) {
    const auto element = static_cast<std::uint64_t>(a.first_element + i + j);
    if (j == 0 || element % 4 == 0) words = core::philox(a.stream, element / 4);
    const W kept = core::uniform_from(words.word[element % 4]) < drop_below ? W{0} : widen(value) * scale;
    return static_cast<T>(kept + widen(added));
  };
  if (i + N <= a.count) {
    Chunk<T, N> chunk = load<N>(x + i), added{};
    if (residual) added = load<N>(residual + i);
    for (int j = 0; j < N; ++j) chunk.at[j] = element_of(chunk.at[j], added.at[j], j);
    store<N>(y + i, chunk);
  } else {
    for (int j = 0; i + j < a.count; ++j) y[i + j] = element_of(x[i + j], residual ? residual[i + j] : T{}, j);
  }
}

}  // namespace

void launch_dropout(core::DType type, const DropoutArgs& args, void* stream) {
  if (args.count == 0) return;
  for_element_type(type, [&]<typename T>() {
    for_chunk_size<T>(aligned_to_16(args.x, args.residual, args.y), [&]<int N>() {
      const auto blocks = static_cast<unsigned int>(divide_up(divide_up(args.count, N), kThreads));
      dropout_kernel<T, N><<<blocks, kThreads, 0, as_stream(stream)>>>(args);
      check_launch("dropout");
    });
  });
}

}  // namespace baleen::kernels
