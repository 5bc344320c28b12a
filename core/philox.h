#pragma once
// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// Every random decision is a pure function of (seed, purpose, step, name, index), with *global* indices, so nothing
// depends on the layout and no generator state is ever saved. Shared by CPU code and CUDA kernels.

#include <cstdint>
#include <string_view>

#include "core/host_device.h"

namespace baleen::core {

enum class RandomPurpose : std::uint32_t {
  initialization = 1,
  dropout = 2,
  shuffle = 3,
  random_tokens = 4,
  sampling = 5,
  stochastic_rounding = 6,
};

/// One stream of random numbers. A plain value: pass it to kernels.
struct RandomStream {
  std::uint64_t key;
  std::uint64_t stream;
};

/// The stream of (seed, purpose, step, name); name is that of a tensor, a layer or "" where there is only one.
RandomStream random_stream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t step, std::string_view name);

struct Philox4 {
  std::uint32_t word[4];
};

BALEEN_HOST_DEVICE Philox4 philox(RandomStream s, std::uint64_t block) {
  std::uint32_t c0 = static_cast<std::uint32_t>(block), c1 = static_cast<std::uint32_t>(block >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(s.stream), c3 = static_cast<std::uint32_t>(s.stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(s.key), k1 = static_cast<std::uint32_t>(s.key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(0xD2511F53u) * c0;
    const std::uint64_t p1 = static_cast<std::uint64_t>(0xCD9E8D57u) * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// The 32 bits of element `index`.
BALEEN_HOST_DEVICE std::uint32_t random_u32(RandomStream s, std::uint64_t index) {
  return philox(s, index / 4).word[index % 4];
}

/// Uniform in [0, 1) with 24 bits.
BALEEN_HOST_DEVICE float uniform_from(std::uint32_t word) {
  return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}

/// Uniform in [0, 1) with 24 bits, of element `index`.
BALEEN_HOST_DEVICE float random_uniform(RandomStream s, std::uint64_t index) {
  return uniform_from(random_u32(s, index));
}

}  // namespace baleen::core
