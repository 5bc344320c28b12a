#pragma once
// CUDA launcher of squared_norm.h: pointers on the device, `stream` a cudaStream_t.

#include <cstdint>

namespace baleen::kernels {

/// At most so many a chunk.
inline constexpr std::int64_t kChunkElements = 4096;

/// One row of SegmentTable::chunks.
struct SegmentChunk {
  std::int64_t offset;
  std::int64_t elements;
  std::int64_t parameter;
};

/// T is float or double. partials: [chunks] scratch.
template <typename T>
void launch_squared_norm(const T* gradient, const SegmentChunk* chunks, std::int64_t count, double* partials,
                         double* sum, std::int32_t* first_nonfinite, void* stream);

}  // namespace baleen::kernels
