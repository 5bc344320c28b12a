#pragma once
// The scales of a tile of 128 rows by 128 columns that a block of threads holds: for fp8_tile.cuh.

#include "kernels/cuda_kernel.cuh"
#include "kernels/fp8_launch.h"

namespace baleen::kernels {

inline constexpr int kSide = static_cast<int>(kFp8TileSide);
inline constexpr int kFp8Threads = 256, kFp8Warps = kFp8Threads / kWarp;
inline constexpr int kCell = 8;               // a thread has 8 rows by 8 columns of its block's tile
inline constexpr int kCells = kSide / kCell;  // 16 to a side
static_assert(kCells * kCells == kFp8Threads);

inline constexpr std::uint32_t kBothMagnitudes = 0x7FFF7FFF;  // of a pair of BF16

/// 8 neighbours of a row, in pairs.
struct alignas(16) Eight {
  std::uint32_t pair[4];
};

__device__ __forceinline__ float low(std::uint32_t pair) {
  return __uint_as_float(pair << 16);
}
__device__ __forceinline__ float high(std::uint32_t pair) {
  return __uint_as_float(pair & 0xFFFF0000u);
}
__device__ __forceinline__ std::uint32_t larger_half(std::uint32_t pair) {
  return max(pair & 0xFFFFu, pair >> 16);
}

/// Where a thread's cell lies.
struct Cell {
  std::int64_t tile_row, tile_column;  // of the grid
  int down, across;                    // in the tile, in cells
  std::int64_t row, column;            // its first, of the matrix
};

/// One scale for this block's whole tile: given, or the abs-max of the tile.
template <Fp8Format kFormat>
__device__ Fp8Scale block_scale(const Eight (&cell)[kCell]) {
  __shared__ std::uint32_t of_warps[kFp8Warps];
  std::uint32_t pair = 0;
  for (const Eight& eight : cell)
    for (const std::uint32_t two : eight.pair) pair = __vmaxu2(pair, two & kBothMagnitudes);
  const std::uint32_t of_warp = __reduce_max_sync(0xFFFFFFFFu, larger_half(pair));
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = of_warp;
  __syncthreads();
  std::uint32_t largest = of_warps[0];
  for (int warp = 1; warp < kFp8Warps; ++warp) largest = max(largest, of_warps[warp]);
  return fp8_scale(largest << 16, kFormat);
}

/// Rows of a tile: 16 threads of a warp have one.
template <Fp8Format kFormat>
__device__ void scale_rows(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell],
                           float (&multipliers)[kCell]) {
  std::uint32_t two_rows[kCell / 2];
  for (int i = 0; i < kCell; ++i) {
    std::uint32_t pair = 0;
    for (const std::uint32_t two : cell[i].pair) pair = __vmaxu2(pair, two & kBothMagnitudes);
    const std::uint32_t largest = larger_half(pair);
    two_rows[i / 2] = i % 2 == 0 ? largest : two_rows[i / 2] | largest << 16;
  }
  for (std::uint32_t& two : two_rows)
    for (int offset = kCells / 2; offset > 0; offset /= 2)
      two = __vmaxu2(two, __shfl_xor_sync(0xFFFFFFFFu, two, offset));
  for (int i = 0; i < kCell; ++i) {
    const Fp8Scale scale = fp8_scale(two_rows[i / 2] >> (16 * (i % 2)) << 16, kFormat);
    multipliers[i] = __uint_as_float(scale.multiplier);
    if (at.across == 0 && at.row + i < a.rows)
      a.scales[at.tile_column * a.rows + at.row + i] = __uint_as_float(scale.scale);
  }
}

/// Columns of a tile: both halves of all warps have a part of each.
template <Fp8Format kFormat>
__device__ void scale_columns(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell],
                              float (&multipliers)[kCell]) {
  __shared__ Eight of_warps[kFp8Warps][kCells];
  Eight largest{};
  for (int p = 0; p < 4; ++p) {
    for (const Eight& eight : cell) largest.pair[p] = __vmaxu2(largest.pair[p], eight.pair[p] & kBothMagnitudes);
    largest.pair[p] = __vmaxu2(largest.pair[p], __shfl_xor_sync(0xFFFFFFFFu, largest.pair[p], kCells));
  }
  if (threadIdx.x % kWarp < kCells) of_warps[threadIdx.x / kWarp][at.across] = largest;
  __syncthreads();
  for (int warp = 0; warp < kFp8Warps; ++warp) {
    const Eight other = of_warps[warp][at.across];
    for (int p = 0; p < 4; ++p) largest.pair[p] = __vmaxu2(largest.pair[p], other.pair[p]);
  }
  for (int j = 0; j < kCell; ++j) {
    const Fp8Scale scale = fp8_scale(largest.pair[j / 2] >> (16 * (j % 2)) << 16, kFormat);
    multipliers[j] = __uint_as_float(scale.multiplier);
    if (at.down == 0 && at.column + j < a.columns)
      a.transposed_scales[at.tile_row * a.columns + at.column + j] = __uint_as_float(scale.scale);
  }
}

/// One thread of the block writes the scale of a tensor or a block tile, and the zeros that end a row of such scales.
template <Fp8Tile kTile>
__device__ void write_scale(float* scales, std::int64_t tile_row, std::int64_t tile_column, std::int64_t columns,
                            float scale) {
  if (kTile == Fp8Tile::tensor) {
    if (tile_row == 0 && tile_column == 0) scales[0] = scale;
    return;
  }
  const std::int64_t stride = fp8_block_stride(columns);
  float* row = scales + tile_row * stride;
  row[tile_column] = scale;
  if ((tile_column + 1) * kSide < columns) return;
  for (std::int64_t i = tile_column + 1; i < stride; ++i) row[i] = 0;
}

/// The same for all of this block's tile.
template <Fp8Format kFormat, Fp8Tile kTile>
__device__ void scale_tile(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell],
                           float (&multipliers)[kCell]) {
  const Fp8Scale scale =
      kTile == Fp8Tile::tensor ? fp8_scale(__float_as_uint(*a.abs_max), kFormat) : block_scale<kFormat>(cell);
  for (float& multiplier : multipliers) multiplier = __uint_as_float(scale.multiplier);
  if (threadIdx.x != 0) return;
  const float written = __uint_as_float(scale.scale);
  if (a.bytes) write_scale<kTile>(a.scales, at.tile_row, at.tile_column, a.columns, written);
  if (a.transposed) write_scale<kTile>(a.transposed_scales, at.tile_column, at.tile_row, a.rows, written);
}

}  // namespace baleen::kernels
