#include "kernels/abs_max.cuh"
#include "kernels/swiglu.cuh"
#include "kernels/swiglu_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMaxGridRows = 65535;
constexpr std::int64_t kMaxBlocksWithAbsMax = 16384;

/// grid.x: chunks of a row; grid.y strides over the rows.
template <typename T, int N>
__global__ void forward_kernel(SwigluArgs a) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * N;
  std::uint32_t largest = 0;
  for (std::int64_t row = blockIdx.y; row < a.rows && i < a.width; row += gridDim.y) {
    const T* __restrict__ gate = static_cast<const T*>(a.gate_up) + row * a.gate_up_stride + i;
    const Chunk<T, N> g = load<N>(gate), u = load<N>(gate + a.width);
    Chunk<T, N> y;
    for (int j = 0; j < N; ++j) y.at[j] = swiglu_of(g.at[j], u.at[j]);
    store<N>(static_cast<T*>(a.y) + row * a.width + i, y);
    largest = max(largest, magnitude(y));
  }
  if (a.abs_max) raise_abs_max<kThreads / kWarp>(a.abs_max, largest);
}

template <typename T, int N>
__global__ void backward_kernel(SwigluBackwardArgs a) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * N;
  std::uint32_t largest = 0;
  for (std::int64_t row = blockIdx.y; row < a.rows && i < a.width; row += gridDim.y) {
    const T* __restrict__ gate = static_cast<const T*>(a.gate_up) + row * a.gate_up_stride + i;
    const Chunk<T, N> g = load<N>(gate), u = load<N>(gate + a.width);
    const Chunk<T, N> dy = load<N>(static_cast<const T*>(a.dy) + row * a.dy_stride + i);
    Chunk<T, N> dgate, dup;
    for (int j = 0; j < N; ++j) {
      const SwigluGradient<T> gradient = swiglu_gradient(dy.at[j], g.at[j], u.at[j]);
      dgate.at[j] = gradient.gate;
      dup.at[j] = gradient.up;
    }
    T* out = static_cast<T*>(a.dgate_up) + row * 2 * a.width + i;
    store<N>(out, dgate);
    store<N>(out + a.width, dup);
    largest = max(largest, max(magnitude(dgate), magnitude(dup)));
  }
  if (a.abs_max) raise_abs_max<kThreads / kWarp>(a.abs_max, largest);
}

dim3 grid(std::int64_t chunks, unsigned int threads, std::int64_t rows, bool abs_max) {
  const std::int64_t across = divide_up(chunks, threads);
  const std::int64_t most = abs_max ? divide_up(kMaxBlocksWithAbsMax, across) : kMaxGridRows;
  return {static_cast<unsigned int>(across), static_cast<unsigned int>(rows < most ? rows : most)};
}

}  // namespace

void launch_swiglu(core::DType type, const SwigluArgs& args, void* stream) {
  if (args.rows == 0 || args.width == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.gate_up, args.y) && strides_of_16<T>(args.gate_up_stride, args.width);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(args.width / N, kThreads);
      const dim3 blocks = grid(args.width / N, threads, args.rows, args.abs_max);
      forward_kernel<T, N><<<blocks, threads, 0, as_stream(stream)>>>(args);
      check_launch("swiglu");
    });
  });
}

void launch_swiglu_backward(core::DType type, const SwigluBackwardArgs& args, void* stream) {
  if (args.rows == 0 || args.width == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.dy, args.gate_up, args.dgate_up) &&
                      strides_of_16<T>(args.dy_stride, args.gate_up_stride, args.width);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(args.width / N, kThreads);
      const dim3 blocks = grid(args.width / N, threads, args.rows, args.abs_max);
      backward_kernel<T, N><<<blocks, threads, 0, as_stream(stream)>>>(args);
      check_launch("swiglu_backward");
    });
  });
}

}  // namespace baleen::kernels
