#include <bit>
#include <cub/device/device_radix_sort.cuh>

#include "kernels/cuda_kernel.cuh"
#include "kernels/embedding_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;

/// One block a token.
template <typename T, int N>
__global__ void embedding_kernel(EmbeddingArgs a) {
  const std::int64_t row = a.tokens[blockIdx.x] - a.first_row;
  const bool here = row >= 0 && row < a.rows;
  const T* __restrict__ from = static_cast<const T*>(a.table) + row * a.dim;
  T* __restrict__ to = static_cast<T*>(a.out) + blockIdx.x * a.dim;
  for (std::int64_t i = static_cast<std::int64_t>(threadIdx.x) * N; i < a.dim; i += blockDim.x * N) {
    Chunk<T, N> chunk{};
    if (here) chunk = load<N>(from + i);
    store<N>(to + i, chunk);
  }
}

__global__ void rows_of_tokens_kernel(EmbeddingSortArgs a) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= a.count) return;
  const std::int64_t row = a.tokens[i] - a.first_row;
  a.unsorted.row[i] = static_cast<std::int32_t>(row >= 0 && row < a.rows ? row : a.rows);
  a.unsorted.position[i] = static_cast<std::int32_t>(i);
}

/// The positions of one row lie together in the sorted order and are called a run; a run may cross borders of tiles. A
/// tile adds up each of its runs. One that lies inside the tile goes straight to `out`. The part of a run that came in
/// over the tile's left border goes to partials[tile][0], of one that starts here and leaves over the right border to
/// [1]. kAhead positions are loaded at once, with the elements of `out` that they are added to.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads) add_tiles_kernel(EmbeddingBackwardArgs a) {
  using W = Wide<T>;
  constexpr int kAhead = 4;
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * N;
  const std::int64_t tile = blockIdx.x, first = tile * kEmbeddingTile;
  const int here = static_cast<int>(a.count - first < kEmbeddingTile ? a.count - first : kEmbeddingTile);
  __shared__ std::int32_t rows[kEmbeddingTile + 1], positions[kEmbeddingTile];  // one more: the next tile's first row
  for (int i = static_cast<int>(threadIdx.x); i <= kEmbeddingTile; i += static_cast<int>(blockDim.x)) {
    rows[i] = first + i < a.count ? a.sorted.row[first + i] : -1;
    if (i < here) positions[i] = a.sorted.position[first + i];
  }
  __syncthreads();
  if (column >= a.dim) return;
  const int outside = first > 0 && a.sorted.row[first - 1] == rows[0] ? rows[0] : -1;  // the run that came in
  const T* __restrict__ dy = static_cast<const T*>(a.dy) + column;
  W* out = static_cast<W*>(a.out) + column;
  W* partials = static_cast<W*>(a.partials) + tile * 2 * a.dim + column;
  Chunk<W, N> sum{};
  for (int begin = 0; begin < here && rows[begin] < a.rows; begin += kAhead) {
    Chunk<T, N> gradient[kAhead];
    Chunk<W, N> old[kAhead];
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = begin + k;
      if (i >= here || rows[i] >= a.rows) continue;
      gradient[k] = load<N>(dy + positions[i] * a.dy_stride);
      if (rows[i + 1] != rows[i] && rows[i] != outside) old[k] = load<N>(out + rows[i] * a.dim);
    }
#pragma unroll
    for (int k = 0; k < kAhead; ++k) {
      const int i = begin + k;
      if (i >= here || rows[i] >= a.rows) continue;
      for (int j = 0; j < N; ++j) sum.at[j] += widen(gradient[k].at[j]);
      const bool more = rows[i + 1] == rows[i];
      if (more && i + 1 < here) continue;
      if (rows[i] == outside) {
        store<N>(partials, sum);
      } else if (more) {
        store<N>(partials + a.dim, sum);
      } else {
        for (int j = 0; j < N; ++j) sum.at[j] += old[k].at[j];
        store<N>(out + rows[i] * a.dim, sum);
      }
      sum = {};
    }
  }
}

/// Joins the parts of the run that starts in this tile and leaves it, if there is one: one block's threads a tile.
template <typename W>
__global__ void join_tiles_kernel(EmbeddingBackwardArgs a) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  const std::int64_t tile = blockIdx.x, first = tile * kEmbeddingTile, border = first + kEmbeddingTile;
  if (border >= a.count) return;
  const std::int32_t row = a.sorted.row[border - 1];
  const bool leaves = a.sorted.row[border] == row;
  const bool starts_here = first == 0 || a.sorted.row[first - 1] != row;
  if (column >= a.dim || !leaves || !starts_here || row >= a.rows) return;
  const W* partials = static_cast<const W*>(a.partials) + column;
  W sum = partials[(tile * 2 + 1) * a.dim];
  for (std::int64_t next = tile + 1; next * kEmbeddingTile < a.count && a.sorted.row[next * kEmbeddingTile] == row;
       ++next) {
    sum += partials[next * 2 * a.dim];
  }
  static_cast<W*>(a.out)[row * a.dim + column] += sum;
}

dim3 grid(std::int64_t blocks, std::int64_t columns, unsigned int threads) {
  return {static_cast<unsigned int>(blocks), static_cast<unsigned int>(divide_up(columns, threads))};
}

template <typename T>
void start_backward(const EmbeddingBackwardArgs& args, cudaStream_t stream) {
  const std::int64_t tiles = divide_up(args.count, kEmbeddingTile);
  const bool wide = aligned_to_16(args.dy, args.out, args.partials) && strides_of_16<T>(args.dy_stride, args.dim);
  for_chunk_size<T>(wide, [&]<int N>() {
    const unsigned int threads = threads_for(args.dim / N, kThreads);
    add_tiles_kernel<T, N><<<grid(tiles, args.dim / N, threads), threads, 0, stream>>>(args);
    check_launch("embedding_backward");
  });
  const unsigned int threads = threads_for(args.dim, kThreads);
  join_tiles_kernel<Wide<T>><<<grid(tiles, args.dim, threads), threads, 0, stream>>>(args);
  check_launch("embedding_backward");
}

cudaError_t sort(const EmbeddingSortArgs& a, void* scratch, std::size_t& bytes, cudaStream_t stream) {
  const int bits = std::bit_width(static_cast<std::uint64_t>(a.rows));  // a.rows is a key too
  return cub::DeviceRadixSort::SortPairs(scratch, bytes, a.unsorted.row, a.sorted.row, a.unsorted.position,
                                         a.sorted.position, static_cast<int>(a.count), 0, bits, stream);
}

}  // namespace

std::size_t embedding_sort_bytes(std::int64_t count, std::int64_t rows) {
  std::size_t bytes = 0;
  check_cuda(sort({.tokens = nullptr,
                   .count = count,
                   .first_row = 0,
                   .rows = rows,
                   .unsorted = {},
                   .sorted = {},
                   .scratch = nullptr,
                   .scratch_bytes = 0},
                  nullptr, bytes, nullptr),
             "embedding_sort");
  return bytes;
}

void launch_embedding_sort(const EmbeddingSortArgs& args, void* stream) {
  const auto blocks = static_cast<unsigned int>(divide_up(args.count, kThreads));
  rows_of_tokens_kernel<<<blocks, kThreads, 0, as_stream(stream)>>>(args);
  check_launch("embedding_sort");
  std::size_t bytes = args.scratch_bytes;
  check_cuda(sort(args, args.scratch, bytes, as_stream(stream)), "embedding_sort");
}

void launch_embedding(core::DType type, const EmbeddingArgs& args, void* stream) {
  if (args.count == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.table, args.out) && strides_of_16<T>(args.dim);
    for_chunk_size<T>(wide, [&]<int N>() {
      const unsigned int threads = threads_for(args.dim / N, kThreads);
      embedding_kernel<T, N><<<static_cast<unsigned int>(args.count), threads, 0, as_stream(stream)>>>(args);
      check_launch("embedding");
    });
  });
}

void launch_embedding_backward(core::DType type, const EmbeddingBackwardArgs& args, void* stream) {
  if (args.count == 0) return;
  for_element_type(type, [&]<typename T>() { start_backward<T>(args, as_stream(stream)); });
}

}  // namespace baleen::kernels
