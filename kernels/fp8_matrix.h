#pragma once
// A matrix in FP8 before its bytes are written, for the ops that write them on a GPU.

#include "kernels/fp8.h"
#include "kernels/fp8_launch.h"

namespace baleen::kernels {

at::ScalarType scalar_type(Fp8Format format);

Fp8Matrix empty_fp8(std::int64_t rows, std::int64_t columns, Fp8Format format, Fp8Tile tile, Fp8Parts parts,
                    at::Device device);
/// `matrix`: of rows by columns. abs_max: on its device, may be null.
Fp8Target fp8_target(const Fp8Matrix& matrix, std::int64_t rows, std::int64_t columns, const float* abs_max);

}  // namespace baleen::kernels
