#pragma once
// Initial values, each a pure function of (stream, global element index).

#include <ATen/core/Tensor.h>

#include "core/philox.h"

namespace baleen::kernels {

/// out[i] = std * normal(stream, first_element + i) (Box-Muller on Philox words 2j, 2j + 1). out: contiguous, fp32 or
/// fp64. Rounded to FP32 in both cases: runs in any precision, on any machine, start from the same values.
void fill_normal_(const at::Tensor& out, double std, core::RandomStream stream, std::int64_t first_element);

}  // namespace baleen::kernels
