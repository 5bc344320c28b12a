#pragma once
// Initial values, each a pure function of (stream, global element index).

#include <ATen/core/Tensor.h>

#include "core/philox.h"

namespace baleen::kernels {

/// out[i] = std * normal(stream, first_element + i) (Box-Muller on Philox words 2j, 2j + 1). out: flat fp32 or fp64.
void fill_normal_(const at::Tensor& out, double std, core::RandomStream stream, std::int64_t first_element);

}  // namespace baleen::kernels
