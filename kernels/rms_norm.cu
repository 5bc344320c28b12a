#include "kernels/abs_max.cuh"
#include "kernels/rms_norm_launch.h"
#include "kernels/row_part.cuh"

namespace baleen::kernels {
namespace {

constexpr int kChunks = 2;        // of a row that a thread holds
constexpr int kMostBlocks = 512;  // four for each of 128 multiprocessors; each takes many rows

/// While a row is normed, the next one of its warps is on its way. The weight stays in registers.
template <typename T, int N, int kWarps>
__global__ void __launch_bounds__(kRowThreads<kWarps>, 1024 / kRowThreads<kWarps>) forward_kernel(RmsNormArgs a) {
  using W = Wide<T>;
  using Part = RowPart<T, N, kWarps, kChunks>;
  __shared__ W scratch[kRowsAtOnce<kWarps>][2 * kWarps];
  const int chunks = static_cast<int>(a.dim / N);
  const T* __restrict__ x = static_cast<const T*>(a.x);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kRowsAtOnce<kWarps>;
  std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsAtOnce<kWarps> + threadIdx.y;
  Part weight, next{};
  const auto load_row = [&](std::int64_t r) {
    if (r < a.rows) next.load(x + a.x_rows.offset(r), chunks);
  };
  load_row(row);
  weight.load(static_cast<const T*>(a.weight), chunks);
  std::uint32_t largest = 0;
  // All rows of a block take as many turns: they meet at barriers.
  for (int turn = 0; row - static_cast<int>(threadIdx.y) < a.rows; row += step, ++turn) {
    const Part part = next;
    load_row(row + step);
    W squares = 0;
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      for (int j = 0; j < N; ++j) squares += widen(part.at[i].at[j]) * widen(part.at[i].at[j]);
    }
    squares = row_sum<kWarps>(squares, scratch[threadIdx.y], turn);
    if (row >= a.rows) break;
    const W rstd = 1 / sqrt(squares / static_cast<W>(a.dim) + static_cast<W>(a.eps));
    if (threadIdx.x == 0) static_cast<W*>(a.rstd)[row] = rstd;
    T* __restrict__ y = static_cast<T*>(a.y) + row * a.dim;
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      if (Part::number(i) >= chunks) break;
      Chunk<T, N> out;
      for (int j = 0; j < N; ++j) {
        out.at[j] = static_cast<T>(widen(part.at[i].at[j]) * rstd * widen(weight.at[i].at[j]));
      }
      if (a.y) store<N>(y + Part::number(i) * N, out);
      largest = max(largest, magnitude(out));
    }
  }
  if (a.abs_max) raise_abs_max<1>(a.abs_max, largest);
}

/// A row that is too long for registers is read twice, by one block.
template <typename T, int N>
__global__ void __launch_bounds__(kRowWarps* kWarp) long_forward_kernel(RmsNormArgs a) {
  using W = Wide<T>;
  __shared__ W scratch[kRowWarps];
  const std::int64_t row = blockIdx.x;
  const T* __restrict__ x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
  const T* __restrict__ weight = static_cast<const T*>(a.weight);
  T* __restrict__ y = static_cast<T*>(a.y) + row * a.dim;
  const int chunks = static_cast<int>(a.dim / N);
  W squares = 0;
#pragma unroll 4
  for (int c = threadIdx.x; c < chunks; c += kRowWarps * kWarp) {
    const Chunk<T, N> chunk = load<N>(x + c * N);
    for (int j = 0; j < N; ++j) squares += widen(chunk.at[j]) * widen(chunk.at[j]);
  }
  squares = group_sum<kRowWarps>(squares, scratch);
  const W rstd = 1 / sqrt(squares / static_cast<W>(a.dim) + static_cast<W>(a.eps));
  if (threadIdx.x == 0) static_cast<W*>(a.rstd)[row] = rstd;
  std::uint32_t largest = 0;
#pragma unroll 4
  for (int c = threadIdx.x; c < chunks; c += kRowWarps * kWarp) {
    Chunk<T, N> chunk = load<N>(x + c * N);
    const Chunk<T, N> scale = load<N>(weight + c * N);
    for (int j = 0; j < N; ++j) chunk.at[j] = static_cast<T>(widen(chunk.at[j]) * rstd * widen(scale.at[j]));
    if (a.y) store<N>(y + c * N, chunk);
    largest = max(largest, magnitude(chunk));
  }
  if (a.abs_max) raise_abs_max<kRowWarps>(a.abs_max, largest);
}

}  // namespace

void launch_rms_norm(core::DType type, const RmsNormArgs& args, void* stream) {
  if (args.rows == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide =
        aligned_to_16(args.x, args.weight, args.y) && strides_of_16<T>(args.dim) && rows_of_16(args.x_rows, sizeof(T));
    for_chunk_size<T>(wide, [&]<int N>() {
      for_warps_that_hold<16, kChunks>(
          args.dim / N,
          [&]<int kWarps>() {
            const std::int64_t blocks = divide_up(args.rows, kRowsAtOnce<kWarps>);
            const auto grid = static_cast<unsigned int>(blocks < kMostBlocks ? blocks : kMostBlocks);
            forward_kernel<T, N, kWarps><<<grid, row_block<kWarps>(), 0, as_stream(stream)>>>(args);
          },
          [&] {
            const auto grid = static_cast<unsigned int>(args.rows);
            long_forward_kernel<T, N><<<grid, kRowWarps * kWarp, 0, as_stream(stream)>>>(args);
          });
      check_launch("rms_norm");
    });
  });
}

}  // namespace baleen::kernels
