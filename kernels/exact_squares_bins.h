#pragma once
// The fixed-point number of exact_squares.h, word for word the same on the CPU and the GPU. Plain data, no LibTorch.
//
// Bin k counts units of 2^(32 k - 1074): together the bins reach from the smallest to the largest FP64 number.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "core/host_device.h"

namespace baleen::kernels {

inline constexpr int kSquareBins = 68;           // the last ones take the carries
inline constexpr int kBinBits = 32;              // an int64 bin has room for 2^31 digits
inline constexpr int kSmallestExponent = -1074;  // of the lowest bit of bin 0

/// mantissa * 2^(position - 1074), or not finite (then the mantissa is zero).
struct SquareParts {
  std::uint64_t mantissa;
  int position;
  bool finite;
};

/// Of a square as FP64 rounds it: exact for an FP32 element.
BALEEN_HOST_DEVICE SquareParts square_parts(double square) {
  std::uint64_t bits;
  memcpy(&bits, &square, sizeof(bits));
  const int exponent = static_cast<int>(bits >> 52) & 0x7FF;
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const std::uint64_t hidden = static_cast<std::uint64_t>(exponent != 0) << 52;
  const bool finite = exponent != 0x7FF;
  return {finite ? fraction | hidden : 0, exponent - (exponent != 0), finite};
}

/// An unsigned number of 128 bits.
struct Wide128 {
  std::uint64_t low = 0, high = 0;
};

BALEEN_HOST_DEVICE void add(Wide128& sum, const Wide128& value) {
  sum.low += value.low;
  sum.high += value.high + static_cast<std::uint64_t>(sum.low < value.low);
}

/// sum += mantissa * 2^shift, shift < 64.
BALEEN_HOST_DEVICE void add_shifted(Wide128& sum, std::uint64_t mantissa, int shift) {
  add(sum, {mantissa << shift, (mantissa >> 1) >> (63 - shift)});
}

/// 32 bits of it.
BALEEN_HOST_DEVICE std::int64_t digit_of(const Wide128& value, int index) {
  return static_cast<std::int64_t>((index < 2 ? value.low : value.high) >> (index % 2 * kBinBits) & 0xFFFFFFFFu);
}

/// The number in `bins` (each not negative), rounded once, to nearest even; infinity beyond FP64. Leaves digits of 32
/// bits in the bins.
BALEEN_HOST_DEVICE double round_bins(std::int64_t* bins) {
  int top = -1;
  std::int64_t carry = 0;
  for (int k = 0; k < kSquareBins; ++k) {
    const std::int64_t sum = bins[k] + carry;
    bins[k] = sum & 0xFFFFFFFF;
    carry = sum >> kBinBits;
    if (bins[k] != 0) top = k;
  }
  if (carry != 0) return HUGE_VAL;
  if (top < 0) return 0;
  const auto digit = [&](int k) { return k < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(bins[k]); };
  int lead = 0;  // zero bits above the number in its top digit
  while (digit(top) << lead >> (kBinBits - 1) == 0) ++lead;
  const std::uint64_t below = digit(top - 2) << lead;  // its upper half belongs to the 64 leading bits
  const std::uint64_t leading = ((digit(top) << kBinBits | digit(top - 1)) << lead) | below >> kBinBits;
  bool rest = (below & 0xFFFFFFFFu) != 0;
  for (int k = 0; k < top - 2; ++k) rest = rest || bins[k] != 0;
  std::uint64_t rounded = leading >> 11;  // 53 bits
  const std::uint64_t half = leading & 0x7FF;
  if (half > 0x400 || (half == 0x400 && (rest || rounded % 2 == 1))) ++rounded;
  return ldexp(static_cast<double>(rounded), kBinBits * (top - 1) - lead + 11 + kSmallestExponent);
}

}  // namespace baleen::kernels
