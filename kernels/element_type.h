#pragma once
// From a run-time element type to a template argument, for the CPU loops.

#include <ATen/core/Tensor.h>

#include <type_traits>

#include "core/error.h"

namespace baleen::kernels {

/// What an op on elements of type T computes in: FP64 for FP64, FP32 for the rest.
template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// Calls f.operator()<T>() with T = double, float, at::BFloat16 or at::Half.
template <typename F>
void for_element_type(at::ScalarType type, const F& f) {
  switch (type) {
    case at::kDouble:
      return f.template operator()<double>();
    case at::kFloat:
      return f.template operator()<float>();
    case at::kBFloat16:
      return f.template operator()<at::BFloat16>();
    case at::kHalf:
      return f.template operator()<at::Half>();
    default:
      core::require(false, "this op takes fp64, fp32, bf16 or fp16 tensors");
  }
}

}  // namespace baleen::kernels
