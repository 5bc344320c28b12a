#pragma once
// Formats and tiles of FP8, and the rule for a tile's scale, which CPU and GPU share.

#include <cstdint>

#include "core/host_device.h"

namespace baleen::kernels {

/// e4m3 to 448 with 4 significant bits, e5m2 to 57344 with 3.
enum class Fp8Format : std::uint8_t { e4m3, e5m2 };

/// The tile that shares a scale: the matrix, 128 elements of a row, 128 rows by 128 columns. The last tiles may be
/// smaller.
enum class Fp8Tile : std::uint8_t { tensor, vector, block };
inline constexpr std::int64_t kFp8TileSide = 128;

/// How many scales a row of the grid of block tiles takes, padding included: cuBLASLt wants a multiple of 4.
BALEEN_HOST_DEVICE std::int64_t fp8_block_stride(std::int64_t columns) {
  return (columns + 4 * kFp8TileSide - 1) / (4 * kFp8TileSide) * 4;
}

/// FP32 bit patterns of two powers of two whose product is 1; both NaN where the abs-max is not finite.
struct Fp8Scale {
  std::uint32_t multiplier;  // what values are multiplied by before they are rounded
  std::uint32_t scale;       // what bytes are multiplied by
};

/// `abs_max`: an FP32 bit pattern, not negative.
BALEEN_HOST_DEVICE Fp8Scale fp8_scale(std::uint32_t abs_max, Fp8Format format) {
  constexpr std::uint32_t kInfinity = 0x7F800000, kNan = 0x7FC00000, kOne = 0x3F800000, kMantissa = 0x007FFFFF;
  constexpr int kMantissaBits = 23, kBias = 127, kMost = 126;  // 2^-126 is the smallest that is not subnormal
  if (abs_max >= kInfinity) return {kNan, kNan};
  if (abs_max == 0) return {kOne, kOne};
  // Both formats end at 1.75 times a power of two.
  const int top = format == Fp8Format::e4m3 ? 8 : 15, exponent = static_cast<int>(abs_max >> kMantissaBits) - kBias;
  const int fits = top - exponent - ((abs_max & kMantissa) > 0x00600000 ? 1 : 0);
  const int power = fits < kMost ? fits : kMost;
  return {static_cast<std::uint32_t>(power + kBias) << kMantissaBits, static_cast<std::uint32_t>(kBias - power)
                                                                          << kMantissaBits};
}

}  // namespace baleen::kernels
