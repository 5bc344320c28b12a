#pragma once
// Matrices that are hard to quantize, and the products of a layer in FP8, for the tests of CPU and GPU.

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

#include "kernels/fp8.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {

inline constexpr std::array kFormats{Fp8Format::e4m3, Fp8Format::e5m2};
inline constexpr std::array kTiles{Fp8Tile::tensor, Fp8Tile::vector, Fp8Tile::block};
inline constexpr std::array kRecipes{Fp8Recipe::tensor, Fp8Recipe::block};

/// Tokens, in, out: within a tile, at its edges, past them.
inline constexpr std::array<std::array<std::int64_t, 3>, 4> kFp8Shapes{
    {{16, 16, 16}, {128, 256, 384}, {144, 272, 400}, {48, 1040, 16}}};

/// BF16 on the CPU: sizes around tiles, zeros, tiny and huge values, values half way between two of the formats', and
/// elements over the whole range of BF16.
std::vector<at::Tensor> fp8_samples();

/// All three products of a layer on normal data against FP64: the error is at most 5 % of the exact result's size, both
/// as root mean squares; 7 % with gradients in e5m2, which rounds by 5.3 % already.
void expect_layer_products(Fp8Recipe recipe, Fp8Format gradients, std::int64_t tokens, std::int64_t in,
                           std::int64_t out, at::Device device);

}  // namespace baleen::kernels::testing
