#pragma once
// Launchers of the embedding's CUDA kernels. Pointers are to device memory; strides in elements.

#include <cstddef>
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

/// Where the positions of each row lie together. A position whose token's row is held elsewhere has row `rows`, so that
/// all of them come last.
struct SortedRows {
  std::int32_t* row;       // [count] rising
  std::int32_t* position;  // [count] of equal rows rising
};

struct EmbeddingSortArgs {
  const std::int64_t* tokens;
  std::int64_t count;  // below 2^31
  std::int64_t first_row, rows;
  SortedRows unsorted, sorted;  // scratch, result
  void* scratch;                // of embedding_sort_bytes(count, rows)
  std::size_t scratch_bytes;
};
std::size_t embedding_sort_bytes(std::int64_t count, std::int64_t rows);
void launch_embedding_sort(const EmbeddingSortArgs& args, void* stream);

struct EmbeddingBackwardArgs {
  const void* dy;  // [count, dim]
  std::int64_t dy_stride;
  SortedRows sorted;
  std::int64_t count;
  void* out;  // [rows, dim] fp32, or fp64 where dy is; added to
  std::int64_t rows, dim;
  void* partials;  // [tiles, 2, dim] of out's type: scratch
};
void launch_embedding_backward(core::DType type, const EmbeddingBackwardArgs& args, void* stream);

}  // namespace baleen::kernels
