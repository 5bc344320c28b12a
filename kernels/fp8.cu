#include "kernels/fp8_launch.h"
#include "kernels/fp8_tile.cuh"

namespace baleen::kernels {
namespace {

template <bool kWide>
__device__ __forceinline__ Eight load_eight(const QuantizeFp8Args& a, std::int64_t row, std::int64_t column) {
  Eight eight{};
  if (row >= a.to.rows || column >= a.to.columns) return eight;
  const auto* from = static_cast<const std::uint16_t*>(a.x) + row * a.stride + column;
  if constexpr (kWide) {
    const uint4 bits = __ldg(reinterpret_cast<const uint4*>(from));
    return {bits.x, bits.y, bits.z, bits.w};
  } else {
    for (int j = 0; j < kCell && column + j < a.to.columns; ++j)
      eight.pair[j / 2] |= static_cast<std::uint32_t>(from[j]) << (16 * (j % 2));
    return eight;
  }
}

template <Fp8Format kFormat, Fp8Tile kTile, bool kWide>
__global__ __launch_bounds__(kFp8Threads) void quantize_kernel(QuantizeFp8Args a) {
  const Cell at = cell_of_thread();
  Eight cell[kCell];
#pragma unroll
  for (int i = 0; i < kCell; ++i) cell[i] = load_eight<kWide>(a, at.row + i, at.column);
  write_tile<kFormat, kTile, kWide>(a.to, at, cell);
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
  const bool wide = aligned_to_16(args.x, args.to.bytes, args.to.transposed) && args.stride % 8 == 0 &&
                    args.to.columns % 8 == 0 && (!args.to.transposed || args.to.rows % 16 == 0);
  const dim3 grid = fp8_grid(args.to.rows, args.to.columns);
  for_format_and_tile(format, tile, [&]<Fp8Format kFormat, Fp8Tile kTile>() {
    wide ? quantize_kernel<kFormat, kTile, true><<<grid, kFp8Threads, 0, as_stream(stream)>>>(args)
         : quantize_kernel<kFormat, kTile, false><<<grid, kFp8Threads, 0, as_stream(stream)>>>(args);
    check_launch("quantize_fp8");
  });
}

}  // namespace baleen::kernels
