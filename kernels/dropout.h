#pragma once
// Dropout whose mask is a pure function of (stream, global element): the backward makes it again, nothing is saved.

#include <ATen/core/Tensor.h>

#include "core/philox.h"

namespace baleen::kernels {

/// keep(i) * x / (1 - p) (+ residual, may be undefined), element i of x counting as global element first_element + i.
/// Contiguous. The backward is dropout(dy, ...) with no residual.
at::Tensor dropout(const at::Tensor& x, double p, core::RandomStream stream, std::int64_t first_element,
                   const at::Tensor& residual = {});

}  // namespace baleen::kernels
