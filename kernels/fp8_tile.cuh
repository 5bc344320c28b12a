#pragma once
// How a block of threads writes a tile of 128 rows by 128 columns in FP8, its rows and its transpose: for the kernels
// that read a matrix (fp8.cu) and those that make it (fp8_producers.cu).

#include <cuda_fp8.h>

#include "kernels/fp8_scales.cuh"

namespace baleen::kernels {

/// Of this block. Later blocks take earlier rows: what was made last lies in the cache still.
__device__ __forceinline__ Cell cell_of_thread() {
  Cell at{.tile_row = gridDim.y - 1 - blockIdx.y,
          .tile_column = gridDim.x - 1 - blockIdx.x,
          .down = static_cast<int>(threadIdx.x) / kCells,
          .across = static_cast<int>(threadIdx.x) % kCells};
  at.row = at.tile_row * kSide + at.down * kCell;
  at.column = at.tile_column * kSide + at.across * kCell;
  return at;
}

/// Of `count` bytes from `to` on, which are on a border of sizeof(Bytes) where kWide, writes those that there are.
template <bool kWide, typename Bytes>
__device__ __forceinline__ void store_bytes(std::uint8_t* to, const Bytes& bytes, std::int64_t count) {
  if constexpr (kWide) {
    *reinterpret_cast<Bytes*>(to) = bytes;
  } else {
    const auto* from = reinterpret_cast<const std::uint8_t*>(&bytes);
    for (int i = 0; i < static_cast<int>(sizeof(Bytes)) && i < count; ++i) to[i] = from[i];
  }
}

/// The bytes of four values that are in the format's range already, or NaN: 0x7F.
template <Fp8Format kFormat>
__device__ __forceinline__ std::uint32_t four_bytes(float a, float b, float c, float d) {
  constexpr __nv_fp8_interpretation_t kKind = kFormat == Fp8Format::e4m3 ? __NV_E4M3 : __NV_E5M2;
  const std::uint32_t ab = __nv_cvt_float2_to_fp8x2(make_float2(a, b), __NV_SATFINITE, kKind);
  const std::uint32_t cd = __nv_cvt_float2_to_fp8x2(make_float2(c, d), __NV_SATFINITE, kKind);
  return ab | cd << 16;
}

template <Fp8Format kFormat, bool kWide>
__device__ void write_rows(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell],
                           const float (&multipliers)[kCell]) {
  if (at.column >= a.columns) return;
#pragma unroll
  for (int i = 0; i < kCell; ++i) {
    if (at.row + i >= a.rows) break;
    const float m = multipliers[i];
    const std::uint32_t* pair = cell[i].pair;
    const uint2 bytes{four_bytes<kFormat>(low(pair[0]) * m, high(pair[0]) * m, low(pair[1]) * m, high(pair[1]) * m),
                      four_bytes<kFormat>(low(pair[2]) * m, high(pair[2]) * m, low(pair[3]) * m, high(pair[3]) * m)};
    store_bytes<kWide>(a.bytes + (at.row + i) * a.columns + at.column, bytes, a.columns - at.column);
  }
}

/// The transpose of a tile goes through shared memory, where a column of it takes 128 bytes. Its 16 words of 8 bytes
/// lie in an order of their own in every cell of columns, so that neither side meets a bank twice.
template <Fp8Format kFormat, bool kWide>
__device__ void write_transposed(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell],
                                 const float (&multipliers)[kCell]) {
  __shared__ __align__(16) uint2 columns[kSide][kCells];
#pragma unroll
  for (int j = 0; j < kCell; ++j) {
    float value[kCell];
#pragma unroll
    for (int i = 0; i < kCell; ++i) {
      const std::uint32_t pair = cell[i].pair[j / 2];
      value[i] = (j % 2 == 0 ? low(pair) : high(pair)) * multipliers[j];
    }
    columns[at.across * kCell + j][at.down ^ at.across] = {four_bytes<kFormat>(value[0], value[1], value[2], value[3]),
                                                           four_bytes<kFormat>(value[4], value[5], value[6], value[7])};
  }
  __syncthreads();
  constexpr int kPieces = kSide / 16;  // a column's pieces of 16 bytes
  for (int p = static_cast<int>(threadIdx.x); p < kSide * kPieces; p += kFp8Threads) {
    const int column = p / kPieces, piece = p % kPieces, order = column / kCell;
    const std::int64_t row = at.tile_column * kSide + column, first = at.tile_row * kSide + piece * 16;
    if (row >= a.columns || first >= a.rows) continue;
    const uint4 two = reinterpret_cast<const uint4*>(columns[column])[piece ^ (order / 2)];
    const uint4 bytes = order % 2 == 0 ? two : uint4{two.z, two.w, two.x, two.y};
    store_bytes<kWide>(a.transposed + row * a.rows + first, bytes, a.rows - first);
  }
}

/// The whole tile, of which each thread has its cell.
template <Fp8Format kFormat, Fp8Tile kTile, bool kWide>
__device__ __forceinline__ void write_tile(const Fp8Target& a, const Cell& at, const Eight (&cell)[kCell]) {
  float multipliers[kCell];
  if constexpr (kTile != Fp8Tile::vector) scale_tile<kFormat, kTile>(a, at, cell, multipliers);
  if (a.bytes) {
    if constexpr (kTile == Fp8Tile::vector) scale_rows<kFormat>(a, at, cell, multipliers);
    write_rows<kFormat, kWide>(a, at, cell, multipliers);
  }
  if (a.transposed) {
    if constexpr (kTile == Fp8Tile::vector) scale_columns<kFormat>(a, at, cell, multipliers);
    write_transposed<kFormat, kWide>(a, at, cell, multipliers);
  }
}

inline dim3 fp8_grid(std::int64_t rows, std::int64_t columns) {
  return {static_cast<unsigned int>(divide_up(columns, kSide)), static_cast<unsigned int>(divide_up(rows, kSide))};
}

}  // namespace baleen::kernels
