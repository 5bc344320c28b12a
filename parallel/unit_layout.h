#pragma once
// Where each parameter of a unit lies in the unit's flat buffer, and how ZeRO cuts that buffer. Arithmetic only.
// Offsets count elements and are the same in every dtype (values, gradients, masters, moments).

#include <cstdint>
#include <vector>

#include "parallel/parameter_spec.h"

namespace baleen::parallel {

/// Parameters (unless fused_with_previous) and shards start on multiples of this many elements: 128 bytes in the
/// smallest dtype, FP8.
inline constexpr std::int64_t kAlignment = 128;

struct ParameterLayout {
  std::int64_t offset = 0;                // in the unit's buffer
  std::int64_t elements = 0;              // held by this tensor rank, padding rows included
  std::vector<std::int64_t> local_shape;  // of this tensor rank, padding rows included
  std::int64_t first_row = 0;             // where a parameter is split along dim 0: its first row in the global tensor
  std::int64_t first_column = 0;          // where it is split along dim 1: its first column
};

struct UnitLayout {
  std::vector<ParameterLayout> parameters;  // in the order of the spec
  std::int64_t elements = 0;                // the buffer, a multiple of shards * kAlignment
  int shards = 1;

  std::int64_t shard_elements() const { return elements / shards; }
};

/// Throws Error(usage) where a split dim is not divisible by the tensor degree.
UnitLayout layout_unit(const UnitSpec& spec, int tensor_degree, int tensor_rank, int shards);

/// Whether this tensor rank is the first of those that hold the same elements of a parameter: the one that counts and
/// saves them.
bool holds_first(const TensorPlacement& placement, int tensor_degree, int tensor_rank);

}  // namespace baleen::parallel
