#pragma once
// Where the rows of a tensor lie in memory: [rows, D], or heads inside a packed row, [T, heads, D].

#include <cstdint>

#include "core/host_device.h"

namespace baleen::kernels {

/// Row r starts r / inner * outer_stride + r % inner * inner_stride elements after the first.
struct RowLayout {
  std::int64_t inner = 1;
  std::int64_t outer_stride = 0;
  std::int64_t inner_stride = 0;

  BALEEN_HOST_DEVICE std::int64_t offset(std::int64_t row) const {
    return inner == 1 ? row * outer_stride : row / inner * outer_stride + row % inner * inner_stride;
  }
};

}  // namespace baleen::kernels
