#pragma once
// Launcher of the CUDA kernel that fills with normal numbers. `out` is device memory.

#include <cstdint>

#include "core/dtype.h"
#include "core/philox.h"

namespace baleen::kernels {

/// out[i] = std * normal(numbers, first_element + i). type: f32 or f64.
void launch_fill_normal(core::DType type, void* out, std::int64_t count, double std, core::RandomStream numbers,
                        std::int64_t first_element, void* stream);

}  // namespace baleen::kernels
