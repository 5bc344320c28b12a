#include <cuda_pipeline.h>

#include "kernels/abs_max.cuh"
#include "kernels/cuda_kernel.cuh"
#include "kernels/partial_sums.cuh"
#include "kernels/rms_norm_launch.h"
#include "kernels/row_part.cuh"

namespace baleen::kernels {
namespace {

constexpr int kChunks = 2;  // of a row that a thread holds, of each operand

/// Puts together the sums of kRows rows at a time for the block's part of dweight, from sums[row][j][chunk]: a warp's
/// accesses meet no bank twice.
template <int N, int kRows, typename W>
__device__ void add_up(const W* sums, W* partial, int chunks) {
  const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  for (int c = thread; c < chunks; c += static_cast<int>(blockDim.x * blockDim.y)) {
    for (int j = 0; j < N; ++j) {
      W sum = sums[j * chunks + c];
      for (int row = 1; row < kRows; ++row) sum += sums[(row * N + j) * chunks + c];
      partial[c * N + j] = sum;
    }
  }
}

/// The block's part of dweight from what its threads have summed of their chunks.
template <typename Part, int N, int kRows, int kThreads, typename W>
__device__ void write_partial(const W (&sums)[kChunks][N], W* partial, int chunks) {
  __shared__ W of_rows[kRows > 1 ? kRows * N * kThreads * kChunks : 1];
#pragma unroll
  for (int i = 0; i < kChunks; ++i) {
    const int c = Part::number(i);
    if (c >= chunks) break;
    for (int j = 0; j < N; ++j) {
      if constexpr (kRows > 1) {
        of_rows[(threadIdx.y * N + j) * chunks + c] = sums[i][j];
      } else {
        partial[c * N + j] = sums[i][j];
      }
    }
  }
  if constexpr (kRows > 1) {
    __syncthreads();
    add_up<N, kRows>(of_rows, partial, chunks);
  }
}

/// A thread's chunks of dy, x and what is added, on their way through shared memory for this turn and the next ones. A
/// thread reads nothing but what it has copied itself, so that no barrier is needed.
template <typename T, int N, int kWarps>
struct Arriving {
  using Part = RowPart<T, N, kWarps, kChunks>;
  enum Operand { kDy, kX, kAdd, kOperands };
  static constexpr int kThreads = kRowThreads<kWarps>;
  static constexpr int kTurns = kThreads > kRowWarps* kWarp ? 2 : 3;  // 100 KB is all that some GPUs have
  static constexpr std::size_t kBytes = sizeof(Chunk<T, N>) * kTurns * kOperands * kChunks * kThreads;

  Chunk<T, N>* shared;

  __device__ __forceinline__ Chunk<T, N>* slot(int turn, Operand operand, int i) const {
    const int thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
    return shared + ((turn % kTurns * kOperands + operand) * kChunks + i) * kThreads + thread;
  }
  /// All of a row, as one group; nothing of one beyond the last, as a group too: they are counted.
  __device__ __forceinline__ void start(const RmsNormBackwardArgs& a, std::int64_t row, int turn, int chunks) const {
    if (row < a.rows) {
      copy(turn, kDy, static_cast<const T*>(a.dy) + a.dy_rows.offset(row), chunks);
      copy(turn, kX, static_cast<const T*>(a.x) + a.x_rows.offset(row), chunks);
      if (a.add_to_dx) copy(turn, kAdd, static_cast<const T*>(a.add_to_dx) + a.add_rows.offset(row), chunks);
    }
    __pipeline_commit();
  }
  __device__ __forceinline__ void copy(int turn, Operand operand, const T* row, int chunks) const {
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      if (Part::number(i) < chunks)
        __pipeline_memcpy_async(slot(turn, operand, i), row + Part::number(i) * N, sizeof(Chunk<T, N>));
    }
  }
  /// Zeros beyond the row's end.
  __device__ __forceinline__ Part get(int turn, Operand operand, int chunks) const {
    Part part{};
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      if (Part::number(i) < chunks) part.at[i] = *slot(turn, operand, i);
    }
    return part;
  }
};

/// dx of this block's rows, and their part of dweight. While a row is done, the next ones of its warps are on their
/// way. Weight and sums for dweight stay in registers.
template <typename T, int N, int kWarps>
__global__ void __launch_bounds__(kRowThreads<kWarps>, 512 / kRowThreads<kWarps>)
    backward_kernel(RmsNormBackwardArgs a) {
  using W = Wide<T>;
  using Rows = Arriving<T, N, kWarps>;
  using Part = typename Rows::Part;
  constexpr int kRows = kRowsAtOnce<kWarps>, kAhead = Rows::kTurns - 1;
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ W scratch[kRows][2 * kWarps];
  const Rows rows{reinterpret_cast<Chunk<T, N>*>(shared)};
  const int chunks = static_cast<int>(a.dim / N);
  const W* __restrict__ rstds = static_cast<const W*>(a.rstd);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kRows;
  std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.y;
  for (int turn = 0; turn < kAhead; ++turn) rows.start(a, row + turn * step, turn, chunks);
  W sums[kChunks][N] = {};
  W next_rstd = row < a.rows ? rstds[row] : W{0};
  Part weight;
  weight.load(static_cast<const T*>(a.weight), chunks);
  std::uint32_t largest = 0;
  // All rows of a block take as many turns: they meet at barriers.
  for (int turn = 0; row - static_cast<int>(threadIdx.y) < a.rows; row += step, ++turn) {
    rows.start(a, row + kAhead * step, turn + kAhead, chunks);
    const W rstd = next_rstd;
    if (row + step < a.rows) next_rstd = rstds[row + step];
    __pipeline_wait_prior(kAhead);
    const Part g = rows.get(turn, Rows::kDy, chunks), v = rows.get(turn, Rows::kX, chunks);
    W dot = 0;
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      for (int j = 0; j < N; ++j) dot += widen(g.at[i].at[j]) * widen(weight.at[i].at[j]) * widen(v.at[i].at[j]);
    }
    dot = row_sum<kWarps>(dot, scratch[threadIdx.y], turn);
    if (row >= a.rows) break;
    const W pull = dot * rstd * rstd / static_cast<W>(a.dim);
    const Part added = a.add_to_dx ? rows.get(turn, Rows::kAdd, chunks) : Part{};
    T* __restrict__ dx = static_cast<T*>(a.dx) + row * a.dim;
#pragma unroll
    for (int i = 0; i < kChunks; ++i) {
      Chunk<T, N> out;
      for (int j = 0; j < N; ++j) {
        const W wide_g = widen(g.at[i].at[j]), wide_v = widen(v.at[i].at[j]);
        sums[i][j] += wide_g * wide_v * rstd;
        out.at[j] =
            static_cast<T>(rstd * (wide_g * widen(weight.at[i].at[j]) - wide_v * pull) + widen(added.at[i].at[j]));
      }
      if (Part::number(i) >= chunks) break;
      store<N>(dx + Part::number(i) * N, out);
      largest = max(largest, magnitude(out));
    }
  }
  if (a.abs_max) raise_abs_max<1>(a.abs_max, largest);
  write_partial<Part, N, kRows, kWarps * kWarp>(sums, static_cast<W*>(a.partials) + blockIdx.x * a.dim, chunks);
}

/// Rows that are too long for registers, or do not lie on 16 bytes: each thread keeps the sums of its own columns in
/// shared memory, column j of chunk c at [j][c].
template <typename T, int N>
__global__ void __launch_bounds__(kRowWarps* kWarp) long_backward_kernel(RmsNormBackwardArgs a) {
  using W = Wide<T>;
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ W scratch[kRowWarps];
  const int chunks = static_cast<int>(a.dim / N), first = static_cast<int>(threadIdx.x);
  constexpr int kStep = kRowWarps * kWarp;
  W* sums = reinterpret_cast<W*>(shared);
  for (int c = first; c < chunks; c += kStep) {
    for (int j = 0; j < N; ++j) sums[j * chunks + c] = 0;
  }
  const T* __restrict__ weight = static_cast<const T*>(a.weight);
  std::uint32_t largest = 0;
  for (std::int64_t row = blockIdx.x; row < a.rows; row += gridDim.x) {
    const T* __restrict__ dy = static_cast<const T*>(a.dy) + a.dy_rows.offset(row);
    const T* __restrict__ x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
    const T* __restrict__ add = a.add_to_dx ? static_cast<const T*>(a.add_to_dx) + a.add_rows.offset(row) : nullptr;
    T* __restrict__ dx = static_cast<T*>(a.dx) + row * a.dim;
    W dot = 0;
#pragma unroll 2
    for (int c = first; c < chunks; c += kStep) {
      const Chunk<T, N> g = load<N>(dy + c * N), v = load<N>(x + c * N), w = load<N>(weight + c * N);
      for (int j = 0; j < N; ++j) dot += widen(g.at[j]) * widen(w.at[j]) * widen(v.at[j]);
    }
    dot = group_sum<kRowWarps>(dot, scratch);
    const W rstd = static_cast<const W*>(a.rstd)[row];
    const W pull = dot * rstd * rstd / static_cast<W>(a.dim);
    for (int c = first; c < chunks; c += kStep) {
      const Chunk<T, N> g = load<N>(dy + c * N), v = load<N>(x + c * N), w = load<N>(weight + c * N);
      Chunk<T, N> added{}, out;
      if (add) added = load<N>(add + c * N);
      for (int j = 0; j < N; ++j) {
        const W wide_g = widen(g.at[j]), wide_v = widen(v.at[j]);
        sums[j * chunks + c] += wide_g * wide_v * rstd;
        out.at[j] = static_cast<T>(rstd * (wide_g * widen(w.at[j]) - wide_v * pull) + widen(added.at[j]));
      }
      store<N>(dx + c * N, out);
      largest = max(largest, magnitude(out));
    }
  }
  if (a.abs_max) raise_abs_max<1>(a.abs_max, largest);
  add_up<N, 1>(sums, static_cast<W*>(a.partials) + blockIdx.x * a.dim, chunks);  // each thread its own columns
}

template <typename Kernel>
void start(Kernel kernel, unsigned int blocks, dim3 threads, std::size_t shared, const RmsNormBackwardArgs& args,
           cudaStream_t stream) {
  constexpr std::size_t kWithoutAsking = 48 * 1024;
  if (shared > kWithoutAsking)
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)),
               "rms_norm_backward");
  kernel<<<blocks, threads, shared, stream>>>(args);
  check_launch("rms_norm_backward");
}

}  // namespace

void launch_rms_norm_backward(core::DType type, const RmsNormBackwardArgs& args, void* stream) {
  const auto blocks = static_cast<unsigned int>(rms_norm_partials(args.rows));
  for_element_type(type, [&]<typename T>() {
    using W = Wide<T>;
    const bool wide = aligned_to_16(args.dy, args.x, args.add_to_dx, args.weight, args.dx) &&
                      strides_of_16<T>(args.dim) && rows_of_16(args.dy_rows, sizeof(T)) &&
                      rows_of_16(args.x_rows, sizeof(T)) && rows_of_16(args.add_rows, sizeof(T));
    for_chunk_size<T>(wide, [&]<int N>() {
      const auto long_rows = [&] {
        start(long_backward_kernel<T, N>, blocks, kRowWarps * kWarp, static_cast<std::size_t>(args.dim) * sizeof(W),
              args, as_stream(stream));
      };
      if constexpr (N == 1)
        long_rows();
      else
        for_warps_that_hold<16, kChunks>(
            args.dim / N,
            [&]<int kWarps>() {
              start(backward_kernel<T, N, kWarps>, blocks, row_block<kWarps>(), Arriving<T, N, kWarps>::kBytes, args,
                    as_stream(stream));
            },
            long_rows);
    });
    add_partials(static_cast<const W*>(args.partials), static_cast<W*>(args.dweight), blocks, args.dim,
                 as_stream(stream));
  });
}

std::int64_t rms_norm_max_dim(core::DType type) {
  return 160 * 1024 / (type == core::DType::f64 ? 8 : 4);
}

}  // namespace baleen::kernels
