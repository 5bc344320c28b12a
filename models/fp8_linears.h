#pragma once
// Which linear layers compute in FP8. No LibTorch.

#include <algorithm>
#include <cstdint>

#include "models/model_config.h"

namespace baleen::models {

/// By default, layers with fewer input or output features on a rank stay in BF16: quantizing costs more than it gains.
inline constexpr std::int64_t kSmallestFp8 = 512;

/// What tensor cores take in FP8: tokens of a micro-batch and features in multiples of this.
inline constexpr std::int64_t kFp8Multiple = 16;

/// Of the weight [out, in] on one rank. A micro-batch whose tokens are no multiple computes in BF16 all the same.
constexpr bool computes_in_fp8(std::int64_t out, std::int64_t in, std::int64_t smallest) {
  return out % kFp8Multiple == 0 && in % kFp8Multiple == 0 && std::min(out, in) >= smallest;
}

/// Those of a transformer block that do.
struct Fp8Linears {
  bool qkv = false, out = false, gate_up = false, down = false;

  bool any() const { return qkv || out || gate_up || down; }
};

/// On one of so many tensor ranks, which the resolved `config` fits.
Fp8Linears fp8_linears(const ModelConfig& config, int tensor_degree, std::int64_t smallest);

}  // namespace baleen::models
