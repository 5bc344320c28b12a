#pragma once
// Launchers of the embedding's CUDA kernels. Pointers are to device memory; strides in elements.

#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct EmbeddingArgs {
  const std::int64_t* tokens;
  std::int64_t count;
  const void* table;  // [rows, dim]: global rows from first_row
  std::int64_t first_row, rows, dim;
  void* out;  // [count, dim]
};
void launch_embedding(core::DType type, const EmbeddingArgs& args, void* stream);

/// Sums of the backward are made in tiles of this many sorted positions.
inline constexpr int kEmbeddingTile = 32;

struct EmbeddingBackwardArgs {
  const void* dy;  // [count, dim]
  std::int64_t dy_stride;
  const std::int64_t* sorted_tokens;  // stable: equal tokens in ascending order of position
  const std::int64_t* order;          // their positions, rows of dy
  std::int64_t count;
  void* out;  // [rows, dim] fp32, or fp64 where dy is; added to
  std::int64_t first_row, rows, dim;
  void* partials;  // [tiles, 2, dim] of out's type: scratch
};
void launch_embedding_backward(core::DType type, const EmbeddingBackwardArgs& args, void* stream);

}  // namespace baleen::kernels
