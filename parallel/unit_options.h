#pragma once
// How a unit is held, and what that takes.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace baleen::parallel {

struct UnitOptions {
  at::ScalarType compute = at::kFloat;
  at::ScalarType master = at::kFloat;  // of masters and main gradients
  at::Device device = at::kCPU;
  int tensor_degree = 1;  // the tensor axis, and this rank's place on it
  int tensor_rank = 0;
  int shards = 1;  // Mesh::data_shard(), which ZeRO cuts over: its size, and this rank's place on it
  int shard_rank = 0;
  int zero_stage = 0;
  bool keep_values = false;  // ZeRO-3 with whole values: publish() gathers them
  /// Each micro-batch's gradient in a buffer of its own, summed over the ranks in rank order and then added: bits that
  /// depend on no ZeRO stage and no schedule (ZeRO-2 and 3 always sum each). Later sums are in rank order, too.
  bool ordered_sums = false;
  at::ScalarType gradient_wire = at::kFloat;  // kBFloat16: gradients travel rounded, and are added in `master`
  bool trained = true;                        // false: no gradients
};

/// What a unit holds between steps.
struct UnitBytes {
  std::int64_t values = 0;  // beside the masters: nothing where they share storage; and those in FP8, without scales
  std::int64_t masters = 0;
  std::int64_t gradients = 0;

  UnitBytes& operator+=(const UnitBytes& other) {
    values += other.values;
    masters += other.masters;
    gradients += other.gradients;
    return *this;
  }
};

}  // namespace baleen::parallel
