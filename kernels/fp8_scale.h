#pragma once
// The scale of an FP8 tile, the same on CPU and GPU.

#include <cstdint>

#include "core/host_device.h"

namespace baleen::kernels {

/// FP32 bit patterns of two powers of two whose product is 1; both NaN where abs-max is not finite.
struct Fp8Scale {
  std::uint32_t multiplier;  // what values are multiplied by before they are rounded
  std::uint32_t scale;       // what bytes are multiplied by
};

/// `abs_max`: an FP32 bit pattern, not negative. The format's largest value is 1.75 * 2^top: top is 8 for e4m3, 15 for
/// e5m2.
BALEEN_HOST_DEVICE Fp8Scale fp8_scale(std::uint32_t abs_max, int top) {
  constexpr std::uint32_t kInfinity = 0x7F800000, kNan = 0x7FC00000, kOne = 0x3F800000, kMantissa = 0x007FFFFF;
  constexpr int kMantissaBits = 23, kBias = 127, kMost = 126;  // 2^-126 is the smallest that is not subnormal
  if (abs_max >= kInfinity) return {kNan, kNan};
  if (abs_max == 0) return {kOne, kOne};
  const int exponent = static_cast<int>(abs_max >> kMantissaBits) - kBias;
  const int fits = top - exponent - ((abs_max & kMantissa) > 0x00600000 ? 1 : 0);  // 1.75's mantissa
  const int power = fits < kMost ? fits : kMost;
  return {static_cast<std::uint32_t>(power + kBias) << kMantissaBits, static_cast<std::uint32_t>(kBias - power)
                                                                          << kMantissaBits};
}

}  // namespace baleen::kernels
