#include "kernels/cuda_kernel.cuh"
#include "kernels/partial_sums.cuh"
#include "kernels/rms_norm_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kRowsPerBlock = 4;  // where one warp does a row

/// Short rows: one warp each, four to a block. Longer ones: a block of 4 or 8 warps each.
template <typename F>
void for_warps_per_row(std::int64_t chunks, const F& f) {
  if (chunks <= 4 * kWarp) {
    f.template operator()<1>();
  } else if (chunks <= 16 * kWarp) {
    f.template operator()<4>();
  } else {
    f.template operator()<8>();
  }
}

template <int kWarps>
constexpr int kRowsAtOnce = kWarps == 1 ? kRowsPerBlock : 1;

template <typename T, int N, int kWarps>
__global__ void forward_kernel(RmsNormArgs a) {
  using W = Wide<T>;
  __shared__ W scratch[kWarps];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsAtOnce<kWarps> + threadIdx.y;
  if (row >= a.rows) return;
  const T* __restrict__ x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
  const T* __restrict__ weight = static_cast<const T*>(a.weight);
  T* __restrict__ y = static_cast<T*>(a.y) + row * a.dim;
  const int chunks = static_cast<int>(a.dim / N);

  W squares = 0;
#pragma unroll 4
  for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {
    const Chunk<T, N> chunk = load<N>(x + c * N);
    for (int j = 0; j < N; ++j) squares += widen(chunk.at[j]) * widen(chunk.at[j]);
  }
  squares = group_sum<kWarps>(squares, scratch);
  const W rstd = 1 / sqrt(squares / static_cast<W>(a.dim) + static_cast<W>(a.eps));
  if (threadIdx.x == 0) static_cast<W*>(a.rstd)[row] = rstd;

#pragma unroll 4
  for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {  // this time the row comes from the L1 cache
    Chunk<T, N> chunk = load<N>(x + c * N);
    const Chunk<T, N> scale = load<N>(weight + c * N);
    for (int j = 0; j < N; ++j) chunk.at[j] = static_cast<T>(widen(chunk.at[j]) * rstd * widen(scale.at[j]));
    store<N>(y + c * N, chunk);
  }
}

/// dx of this block's rows, and their part of dweight. Each thread keeps the sums of its own columns in shared memory,
/// column j of chunk c at [j][c], where a warp's accesses meet no bank twice.
template <typename T, int N, int kWarps>
__global__ void backward_kernel(RmsNormBackwardArgs a) {
  using W = Wide<T>;
  extern __shared__ __align__(16) unsigned char shared[];
  __shared__ W scratch[kWarps];
  const int chunks = static_cast<int>(a.dim / N);
  W* sums = reinterpret_cast<W*>(shared) + threadIdx.y * a.dim;
  for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {
    for (int j = 0; j < N; ++j) sums[j * chunks + c] = 0;
  }
  const T* __restrict__ weight = static_cast<const T*>(a.weight);
  const std::int64_t rows_at_once = static_cast<std::int64_t>(gridDim.x) * kRowsAtOnce<kWarps>;
  for (std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsAtOnce<kWarps> + threadIdx.y; row < a.rows;
       row += rows_at_once) {
    const T* __restrict__ dy = static_cast<const T*>(a.dy) + a.dy_rows.offset(row);
    const T* __restrict__ x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
    const T* __restrict__ add = a.add_to_dx ? static_cast<const T*>(a.add_to_dx) + a.add_rows.offset(row) : nullptr;
    T* __restrict__ dx = static_cast<T*>(a.dx) + row * a.dim;
    W dot = 0;
#pragma unroll 2
    for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {
      const Chunk<T, N> g = load<N>(dy + c * N), v = load<N>(x + c * N), w = load<N>(weight + c * N);
      for (int j = 0; j < N; ++j) dot += widen(g.at[j]) * widen(w.at[j]) * widen(v.at[j]);
    }
    dot = group_sum<kWarps>(dot, scratch);
    const W rstd = static_cast<const W*>(a.rstd)[row];
    const W pull = dot * rstd * rstd / static_cast<W>(a.dim);
    for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {
      const Chunk<T, N> g = load<N>(dy + c * N), v = load<N>(x + c * N), w = load<N>(weight + c * N);
      Chunk<T, N> added{}, out;
      if (add) added = load<N>(add + c * N);
      for (int j = 0; j < N; ++j) {
        const W wide_g = widen(g.at[j]), wide_v = widen(v.at[j]);
        sums[j * chunks + c] += wide_g * wide_v * rstd;
        out.at[j] = static_cast<T>(rstd * (wide_g * widen(w.at[j]) - wide_v * pull) + widen(added.at[j]));
      }
      store<N>(dx + c * N, out);
    }
  }
  __syncthreads();
  if (threadIdx.y != 0) return;
  W* partial = static_cast<W*>(a.partials) + blockIdx.x * a.dim;
  for (int c = threadIdx.x; c < chunks; c += kWarps * kWarp) {
    for (int j = 0; j < N; ++j) {
      W sum = sums[j * chunks + c];
      for (int group = 1; group < kRowsAtOnce<kWarps>; ++group) sum += sums[group * a.dim + j * chunks + c];
      partial[c * N + j] = sum;
    }
  }
}

template <typename T, int N, int kWarps>
void start_backward(const RmsNormBackwardArgs& args, cudaStream_t stream) {
  const std::size_t shared = static_cast<std::size_t>(kRowsAtOnce<kWarps> * args.dim) * sizeof(Wide<T>);
  if (shared > 48 * 1024) {
    check_cuda(cudaFuncSetAttribute(backward_kernel<T, N, kWarps>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared)),
               "rms_norm_backward");
  }
  const dim3 block(kWarp * kWarps, kRowsAtOnce<kWarps>);
  const auto blocks = static_cast<unsigned int>(rms_norm_partials(args.rows));
  backward_kernel<T, N, kWarps><<<blocks, block, shared, stream>>>(args);
  check_launch("rms_norm_backward");
}

bool rows_of_16(const RowLayout& rows, std::size_t size) {
  return (rows.outer_stride * static_cast<std::int64_t>(size)) % 16 == 0 &&
         (rows.inner == 1 || (rows.inner_stride * static_cast<std::int64_t>(size)) % 16 == 0);
}

}  // namespace

void launch_rms_norm(core::DType type, const RmsNormArgs& args, void* stream) {
  if (args.rows == 0) return;
  for_element_type(type, [&]<typename T>() {
    const bool wide =
        aligned_to_16(args.x, args.weight, args.y) && strides_of_16<T>(args.dim) && rows_of_16(args.x_rows, sizeof(T));
    for_chunk_size<T>(wide, [&]<int N>() {
      for_warps_per_row(args.dim / N, [&]<int kWarps>() {
        const auto blocks = static_cast<unsigned int>(divide_up(args.rows, kRowsAtOnce<kWarps>));
        forward_kernel<T, N, kWarps><<<blocks, dim3(kWarp * kWarps, kRowsAtOnce<kWarps>), 0, as_stream(stream)>>>(args);
        check_launch("rms_norm");
      });
    });
  });
}

void launch_rms_norm_backward(core::DType type, const RmsNormBackwardArgs& args, void* stream) {
  for_element_type(type, [&]<typename T>() {
    const bool wide = aligned_to_16(args.dy, args.x, args.add_to_dx, args.weight, args.dx) &&
                      strides_of_16<T>(args.dim) && rows_of_16(args.dy_rows, sizeof(T)) &&
                      rows_of_16(args.x_rows, sizeof(T)) && rows_of_16(args.add_rows, sizeof(T));
    for_chunk_size<T>(wide, [&]<int N>() {
      for_warps_per_row(args.dim / N, [&]<int kWarps>() { start_backward<T, N, kWarps>(args, as_stream(stream)); });
    });
    using W = Wide<T>;
    add_partials(static_cast<const W*>(args.partials), static_cast<W*>(args.dweight), rms_norm_partials(args.rows),
                 args.dim, as_stream(stream));
  });
}

std::int64_t rms_norm_max_dim(core::DType type) {
  return 160 * 1024 / (type == core::DType::f64 ? 8 : 4);
}

}  // namespace baleen::kernels
