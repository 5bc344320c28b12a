#include <cuda_fp8.h>

#include "kernels/cuda_kernel.cuh"
#include "kernels/fp8_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kSide = static_cast<int>(kFp8TileSide);
constexpr int kThreads = 256, kWarps = kThreads / kWarp;
constexpr int kCell = 8;               // a thread has 8 rows by 8 columns of its block's tile
constexpr int kCells = kSide / kCell;  // 16 to a side
static_assert(kCells * kCells == kThreads);

constexpr std::uint32_t kBothMagnitudes = 0x7FFF7FFF;  // of a pair of BF16

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

template <bool kWide>
__device__ __forceinline__ Eight load_eight(const QuantizeFp8Args& a, std::int64_t row, std::int64_t column) {
  Eight eight{};
  if (row >= a.rows || column >= a.columns) return eight;
  const auto* from = static_cast<const std::uint16_t*>(a.x) + row * a.stride + column;
  if constexpr (kWide) {
    const uint4 bits = __ldg(reinterpret_cast<const uint4*>(from));
    return {bits.x, bits.y, bits.z, bits.w};
  } else {
    for (int j = 0; j < kCell && column + j < a.columns; ++j)
      eight.pair[j / 2] |= static_cast<std::uint32_t>(from[j]) << (16 * (j % 2));
    return eight;
  }
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

/// Where a thread's cell lies.
struct Cell {
  std::int64_t tile_row, tile_column;  // of the grid
  int down, across;                    // in the tile, in cells
  std::int64_t row, column;            // its first, of the matrix
};

/// One scale for this block's whole tile: given, or the abs-max of the tile.
template <Fp8Format kFormat>
__device__ Fp8Scale block_scale(const Eight (&cell)[kCell]) {
  __shared__ std::uint32_t of_warps[kWarps];
  std::uint32_t pair = 0;
  for (const Eight& eight : cell)
    for (const std::uint32_t two : eight.pair) pair = __vmaxu2(pair, two & kBothMagnitudes);
  const std::uint32_t of_warp = __reduce_max_sync(0xFFFFFFFFu, larger_half(pair));
  if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = of_warp;
  __syncthreads();
  std::uint32_t largest = of_warps[0];
  for (int warp = 1; warp < kWarps; ++warp) largest = max(largest, of_warps[warp]);
  return fp8_scale(largest << 16, kFormat);
}

/// Rows of a tile: 16 threads of a warp have one.
template <Fp8Format kFormat>
__device__ void scale_rows(const QuantizeFp8Args& a, const Cell& at, const Eight (&cell)[kCell],
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
__device__ void scale_columns(const QuantizeFp8Args& a, const Cell& at, const Eight (&cell)[kCell],
                              float (&multipliers)[kCell]) {
  __shared__ Eight of_warps[kWarps][kCells];
  Eight largest{};
  for (int p = 0; p < 4; ++p) {
    for (const Eight& eight : cell) largest.pair[p] = __vmaxu2(largest.pair[p], eight.pair[p] & kBothMagnitudes);
    largest.pair[p] = __vmaxu2(largest.pair[p], __shfl_xor_sync(0xFFFFFFFFu, largest.pair[p], kCells));
  }
  if (threadIdx.x % kWarp < kCells) of_warps[threadIdx.x / kWarp][at.across] = largest;
  __syncthreads();
  for (int warp = 0; warp < kWarps; ++warp) {
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
__device__ void scale_tile(const QuantizeFp8Args& a, const Cell& at, const Eight (&cell)[kCell],
                           float (&multipliers)[kCell]) {
  const Fp8Scale scale =
      kTile == Fp8Tile::tensor ? fp8_scale(__float_as_uint(*a.abs_max), kFormat) : block_scale<kFormat>(cell);
  for (float& multiplier : multipliers) multiplier = __uint_as_float(scale.multiplier);
  if (threadIdx.x != 0) return;
  const float written = __uint_as_float(scale.scale);
  if (a.bytes) write_scale<kTile>(a.scales, at.tile_row, at.tile_column, a.columns, written);
  if (a.transposed) write_scale<kTile>(a.transposed_scales, at.tile_column, at.tile_row, a.rows, written);
}

template <Fp8Format kFormat, bool kWide>
__device__ void write_rows(const QuantizeFp8Args& a, const Cell& at, const Eight (&cell)[kCell],
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
__device__ void write_transposed(const QuantizeFp8Args& a, const Cell& at, const Eight (&cell)[kCell],
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
  for (int p = static_cast<int>(threadIdx.x); p < kSide * kPieces; p += kThreads) {
    const int column = p / kPieces, piece = p % kPieces, order = column / kCell;
    const std::int64_t row = at.tile_column * kSide + column, first = at.tile_row * kSide + piece * 16;
    if (row >= a.columns || first >= a.rows) continue;
    const uint4 two = reinterpret_cast<const uint4*>(columns[column])[piece ^ (order / 2)];
    const uint4 bytes = order % 2 == 0 ? two : uint4{two.z, two.w, two.x, two.y};
    store_bytes<kWide>(a.transposed + row * a.rows + first, bytes, a.rows - first);
  }
}

template <Fp8Format kFormat, Fp8Tile kTile, bool kWide>
__global__ __launch_bounds__(kThreads) void quantize_kernel(QuantizeFp8Args a) {
  Cell at{.tile_row = blockIdx.y,
          .tile_column = blockIdx.x,
          .down = static_cast<int>(threadIdx.x) / kCells,
          .across = static_cast<int>(threadIdx.x) % kCells};
  at.row = at.tile_row * kSide + at.down * kCell;
  at.column = at.tile_column * kSide + at.across * kCell;
  Eight cell[kCell];
#pragma unroll
  for (int i = 0; i < kCell; ++i) cell[i] = load_eight<kWide>(a, at.row + i, at.column);
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

template <typename F>
void for_format_and_tile(Fp8Format format, Fp8Tile tile, const F& f) {
  const auto with_format = [&]<Fp8Format kFormat>() {
    if (tile == Fp8Tile::tensor) return f.template operator()<kFormat, Fp8Tile::tensor>();
    if (tile == Fp8Tile::vector) return f.template operator()<kFormat, Fp8Tile::vector>();
    return f.template operator()<kFormat, Fp8Tile::block>();
  };
  format == Fp8Format::e4m3 ? with_format.template operator()<Fp8Format::e4m3>()
                            : with_format.template operator()<Fp8Format::e5m2>();
}

}  // namespace

void launch_quantize_fp8(Fp8Format format, Fp8Tile tile, const QuantizeFp8Args& args, void* stream) {
  const bool wide = aligned_to_16(args.x, args.bytes, args.transposed) && args.stride % 8 == 0 &&
                    args.columns % 8 == 0 && (!args.transposed || args.rows % 16 == 0);
  const dim3 grid(static_cast<unsigned int>(divide_up(args.columns, kSide)),
                  static_cast<unsigned int>(divide_up(args.rows, kSide)));
  for_format_and_tile(format, tile, [&]<Fp8Format kFormat, Fp8Tile kTile>() {
    wide ? quantize_kernel<kFormat, kTile, true><<<grid, kThreads, 0, as_stream(stream)>>>(args)
         : quantize_kernel<kFormat, kTile, false><<<grid, kThreads, 0, as_stream(stream)>>>(args);
    check_launch("quantize_fp8");
  });
}

}  // namespace baleen::kernels
