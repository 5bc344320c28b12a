#pragma once
// The normal number of one element, shared word for word by the CPU definition and the CUDA kernel.

#include <cmath>

#include "core/philox.h"

namespace baleen::kernels {

/// Box-Muller (1958) in FP64: elements 2j and 2j + 1 are the two normals of Philox words 2j and 2j + 1.
BALEEN_HOST_DEVICE double random_normal(core::RandomStream stream, std::uint64_t element) {
  const core::Philox4 words = core::philox(stream, element / 4);
  const int pair = static_cast<int>(element % 4) & ~1;
  const double radius_uniform = (words.word[pair] + 1.0) * 0x1p-32;  // (0, 1]: the logarithm is finite
  const double angle = words.word[pair + 1] * (0x1p-32 * 6.283185307179586);
  const double radius = std::sqrt(-2.0 * std::log(radius_uniform));
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

}  // namespace baleen::kernels
