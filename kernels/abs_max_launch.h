#pragma once
// Launcher of the CUDA kernel that finds an abs-max. Pointers are to device memory.

#include <cstdint>

namespace baleen::kernels {

/// Raises *abs_max to the largest |x|. x: [rows, columns] BF16, `stride` elements between rows.
void launch_abs_max(const void* x, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* abs_max,
                    void* stream);

}  // namespace baleen::kernels
