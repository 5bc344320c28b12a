#pragma once
// Launcher of the CUDA kernel that finds an abs-max. Pointers are to device memory.

#include <cstdint>

namespace baleen::kernels {

/// *abs_max = the largest |x|, 0 where x has no elements. x: [rows, columns] BF16, `stride` elements between rows.
void launch_abs_max(const void* x, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* abs_max,
                    void* stream);

}  // namespace baleen::kernels
