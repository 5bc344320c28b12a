#pragma once
// CUDA launchers of exact_squares.h: pointers on the device, `stream` a cudaStream_t.

#include <cstdint>

#include "kernels/squared_norm_launch.h"

namespace baleen::kernels {

/// T is float or double. bins: [kSquareBins + 1], the last counts chunks with squares that are not finite.
template <typename T>
void launch_exact_squares(const T* gradient, const SegmentChunk* chunks, std::int64_t count, std::int64_t* bins,
                          std::int32_t* first_nonfinite, void* stream);

void launch_round_square_bins(std::int64_t* bins, double* sum, void* stream);

}  // namespace baleen::kernels
