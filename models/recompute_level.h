#pragma once
// How much of a layer's forward is replayed in the backward to save memory. No LibTorch.

#include <algorithm>
#include <array>
#include <string_view>

namespace baleen::models {

/// From most to least memory; each replays what those before it do. elementwise: norms, SwiGLU and the bytes of FP8
/// inputs, no product. mlp: gate and up as well. block: the whole layer.
enum class Recompute { none, elementwise, mlp, block };
inline constexpr std::array<std::string_view, 4> kRecomputeNames = {"none", "elementwise", "mlp", "block"};

/// Of training.recompute, which is one of the names.
constexpr Recompute recompute_named(std::string_view name) {
  return static_cast<Recompute>(std::ranges::find(kRecomputeNames, name) - kRecomputeNames.begin());
}

}  // namespace baleen::models
