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

/// The rows of one token lie together in the sorted order and are called a run; a run may cross borders of tiles. A
/// tile adds up each of its runs. One that lies inside the tile goes straight to `out`. The part of a run that came in
/// over the tile's left border goes to partials[tile][0], of one that starts here and leaves over the right border to
/// [1].
template <typename T, int N>
__global__ void add_tiles_kernel(EmbeddingBackwardArgs a) {
  using W = Wide<T>;
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x) * N;
  if (column >= a.dim) return;
  const std::int64_t tile = blockIdx.x, first = tile * kEmbeddingTile;
  const std::int64_t end = first + kEmbeddingTile < a.count ? first + kEmbeddingTile : a.count;
  W* partials = static_cast<W*>(a.partials) + tile * 2 * a.dim + column;
  bool came_in = first > 0 && a.sorted_tokens[first - 1] == a.sorted_tokens[first];
  W sum[N] = {};
  for (std::int64_t i = first; i < end; ++i) {
    const std::int64_t token = a.sorted_tokens[i];
    const Chunk<T, N> chunk = load<N>(static_cast<const T*>(a.dy) + a.order[i] * a.dy_stride + column);
    for (int j = 0; j < N; ++j) sum[j] += widen(chunk.at[j]);
    const bool more = i + 1 < a.count && a.sorted_tokens[i + 1] == token;
    if (more && i + 1 < end) continue;
    const std::int64_t row = token - a.first_row;
    if (came_in) {
      for (int j = 0; j < N; ++j) partials[j] = sum[j];
    } else if (more) {
      for (int j = 0; j < N; ++j) partials[a.dim + j] = sum[j];
    } else if (row >= 0 && row < a.rows) {
      W* out = static_cast<W*>(a.out) + row * a.dim + column;
      for (int j = 0; j < N; ++j) out[j] += sum[j];
    }
    for (int j = 0; j < N; ++j) sum[j] = 0;
    came_in = false;
  }
}

/// Joins the parts of the run that starts in this tile and leaves it, if there is one: one block's threads a tile.
template <typename W>
__global__ void join_tiles_kernel(EmbeddingBackwardArgs a) {
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  const std::int64_t tile = blockIdx.x, first = tile * kEmbeddingTile, border = first + kEmbeddingTile;
  if (border >= a.count) return;
  const std::int64_t token = a.sorted_tokens[border - 1], row = token - a.first_row;
  const bool leaves = a.sorted_tokens[border] == token;
  const bool starts_here = first == 0 || a.sorted_tokens[first - 1] != token;
  if (column >= a.dim || !leaves || !starts_here || row < 0 || row >= a.rows) return;
  const W* partials = static_cast<const W*>(a.partials) + column;
  W sum = partials[(tile * 2 + 1) * a.dim];
  for (std::int64_t next = tile + 1; next * kEmbeddingTile < a.count && a.sorted_tokens[next * kEmbeddingTile] == token;
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
  const bool wide = aligned_to_16(args.dy) && strides_of_16<T>(args.dy_stride, args.dim);
  for_chunk_size<T>(wide, [&]<int N>() {
    const unsigned int threads = threads_for(args.dim / N, kThreads);
    add_tiles_kernel<T, N><<<grid(tiles, args.dim / N, threads), threads, 0, stream>>>(args);
    check_launch("embedding_backward");
  });
  const unsigned int threads = threads_for(args.dim, kThreads);
  join_tiles_kernel<Wide<T>><<<grid(tiles, args.dim, threads), threads, 0, stream>>>(args);
  check_launch("embedding_backward");
}

}  // namespace

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
