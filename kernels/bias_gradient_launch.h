#pragma once
// Launcher of the CUDA kernels that sum the rows of a matrix. Pointers are to device memory; "wide" is fp32, or fp64
// where dy is.

#include <algorithm>
#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct BiasGradientArgs {
  const void* dy;  // [rows, columns]
  std::int64_t stride;
  std::int64_t rows, columns;
  void* partials;  // [bias_gradient_partials(rows, columns), columns] wide: scratch
  void* sum;       // [columns] wide
};
void launch_bias_gradient(core::DType type, const BiasGradientArgs& args, void* stream);

/// Rows that a block reads at once.
inline constexpr int kBiasGradientRows = 8;

/// How many partial sums of each column are made and then added in order. 512 blocks, four for each of 128
/// multiprocessors, share the matrix: where accesses are of 16 bytes, a block has 256 columns of two bytes. At least
/// eight rows a thread.
inline std::int64_t bias_gradient_partials(std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kBlocks = 512, kColumns = 256, kRows = 8 * kBiasGradientRows;
  const std::int64_t wanted = kBlocks * kColumns / std::max(columns, kColumns);
  return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, (rows + kRows - 1) / kRows));
}

}  // namespace baleen::kernels
