#include <cstring>

#include "kernels/fp8_producers_launch.h"
#include "kernels/fp8_tile.cuh"
#include "kernels/swiglu.cuh"

namespace baleen::kernels {
namespace {

using Bf16 = __nv_bfloat16;
using Values = Chunk<Bf16, kCell>;

__device__ __forceinline__ Values values_at(const void* matrix, std::int64_t stride, std::int64_t row,
                                            std::int64_t column) {
  return load<kCell>(static_cast<const Bf16*>(matrix) + row * stride + column);
}

__device__ __forceinline__ Eight in_pairs(const Values& values) {
  Eight eight;
  static_assert(sizeof(eight) == sizeof(values));
  memcpy(&eight, &values, sizeof(eight));
  return eight;
}

/// Rows are a multiple of the cell's: it is inside or outside.
__device__ __forceinline__ bool inside(const Cell& at, std::int64_t rows, std::int64_t columns) {
  return at.row < rows && at.column < columns;
}

__device__ __forceinline__ void make_cell(const RmsNormFp8Args& a, const Cell& at, Eight (&cell)[kCell]) {
  if (!inside(at, a.to.rows, a.to.columns)) return;
  const Values weight = load<kCell>(static_cast<const Bf16*>(a.weight) + at.column);
  const Chunk<float, kCell> rstd = load<kCell>(a.rstd + at.row);
#pragma unroll
  for (int i = 0; i < kCell; ++i) {
    Values y = values_at(a.x, a.stride, at.row + i, at.column);
    for (int j = 0; j < kCell; ++j) y.at[j] = static_cast<Bf16>(widen(y.at[j]) * rstd.at[i] * widen(weight.at[j]));
    cell[i] = in_pairs(y);
  }
}

__device__ __forceinline__ void make_cell(const SwigluFp8Args& a, const Cell& at, Eight (&cell)[kCell]) {
  if (!inside(at, a.to.rows, a.to.columns)) return;
#pragma unroll
  for (int i = 0; i < kCell; ++i) {
    const Values gate = values_at(a.gate_up, a.stride, at.row + i, at.column),
                 up = values_at(a.gate_up, a.stride, at.row + i, a.to.columns + at.column);
    Values y;
    for (int j = 0; j < kCell; ++j) y.at[j] = swiglu_of(gate.at[j], up.at[j]);
    cell[i] = in_pairs(y);
  }
}

/// The gradients of gate and up at the same place.
__device__ __forceinline__ void make_cells(const SwigluBackwardFp8Args& a, const Cell& at, Eight (&of_gate)[kCell],
                                           Eight (&of_up)[kCell]) {
  const std::int64_t width = a.to.columns / 2;
  if (!inside(at, a.to.rows, width)) return;
#pragma unroll
  for (int i = 0; i < kCell; ++i) {
    const Values dy = values_at(a.dy, a.dy_stride, at.row + i, at.column),
                 gate = values_at(a.gate_up, a.stride, at.row + i, at.column),
                 up = values_at(a.gate_up, a.stride, at.row + i, width + at.column);
    Values dgate, dup;
    for (int j = 0; j < kCell; ++j) {
      const SwigluGradient<Bf16> gradient = swiglu_gradient(dy.at[j], gate.at[j], up.at[j]);
      dgate.at[j] = gradient.gate;
      dup.at[j] = gradient.up;
    }
    of_gate[i] = in_pairs(dgate);
    of_up[i] = in_pairs(dup);
  }
}

template <Fp8Tile kTile, typename Args>
__global__ __launch_bounds__(kFp8Threads) void make_kernel(Args a) {
  const Cell at = cell_of_thread();
  Eight cell[kCell] = {};
  make_cell(a, at, cell);
  write_tile<Fp8Format::e4m3, kTile, true>(a.to, at, cell);
}

/// A block makes two tiles, of both gradients, from the same reads.
__global__ __launch_bounds__(kFp8Threads, 2) void swiglu_backward_kernel(SwigluBackwardFp8Args a) {
  Cell at = cell_of_thread();
  Eight of_gate[kCell] = {}, of_up[kCell] = {};
  make_cells(a, at, of_gate, of_up);
  write_tile<Fp8Format::e4m3, Fp8Tile::vector, true>(a.to, at, of_gate);
  __syncthreads();  // the same shared memory again
  const std::int64_t width = a.to.columns / 2;
  at.tile_column += width / kSide;
  at.column += width;
  write_tile<Fp8Format::e4m3, Fp8Tile::vector, true>(a.to, at, of_up);
}

}  // namespace

void launch_rms_norm_fp8(Fp8Tile tile, const RmsNormFp8Args& args, void* stream) {
  core::require(tile != Fp8Tile::block, "activations have tensor or vector tiles");
  const dim3 grid = fp8_grid(args.to.rows, args.to.columns);
  tile == Fp8Tile::tensor ? make_kernel<Fp8Tile::tensor><<<grid, kFp8Threads, 0, as_stream(stream)>>>(args)
                          : make_kernel<Fp8Tile::vector><<<grid, kFp8Threads, 0, as_stream(stream)>>>(args);
  check_launch("rms_norm_fp8");
}

void launch_swiglu_fp8(const SwigluFp8Args& args, void* stream) {
  const dim3 grid = fp8_grid(args.to.rows, args.to.columns);
  make_kernel<Fp8Tile::vector><<<grid, kFp8Threads, 0, as_stream(stream)>>>(args);
  check_launch("swiglu_fp8");
}

void launch_swiglu_backward_fp8(const SwigluBackwardFp8Args& args, void* stream) {
  const dim3 grid = fp8_grid(args.to.rows, args.to.columns / 2);
  swiglu_backward_kernel<<<grid, kFp8Threads, 0, as_stream(stream)>>>(args);
  check_launch("swiglu_backward_fp8");
}

}  // namespace baleen::kernels
