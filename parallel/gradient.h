#pragma once
// What a unit's backward hands to the unit before it.

#include <ATen/core/Tensor.h>

#include <utility>

namespace baleen::parallel {

struct Gradient {
  Gradient() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a tensor is a gradient whose largest value nobody has noted
  Gradient(at::Tensor of, at::Tensor largest = {}) : value(std::move(of)), abs_max(std::move(largest)) {}

  at::Tensor value;
  /// Its largest |value| (kernels/abs_max.h), where its maker has noted it. It does not travel between ranks.
  at::Tensor abs_max;
};

}  // namespace baleen::parallel
