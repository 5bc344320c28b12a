#pragma once
// What travels with every call of a module: who the tokens of this micro-batch are.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/attention.h"

namespace baleen::models {

class KvCache;

enum class Mode { train, evaluate, generate };

struct Batch {
  at::Tensor tokens;     // [T] int64, on the compute device: what flows into the first unit
  at::Tensor targets;    // [T] int64; kIgnoreIndex where there is nothing to predict; undefined when generating
  at::Tensor positions;  // [T] int64, position of each token in its sequence
  kernels::SequenceBounds bounds;       // where sequences start: attention never crosses them
  std::int64_t first_global_token = 0;  // index of tokens[0] in the global batch: keys dropout
  std::int64_t step = 0;                // keys dropout
  std::uint64_t seed = 0;               // keys dropout
  at::Tensor loss_gradient_scale;       // 0-dim fp64 on the device: loss scale / valid targets of the whole step
  Mode mode = Mode::train;
  KvCache* cache = nullptr;  // generation only
};

inline constexpr std::int64_t kIgnoreIndex = -100;

}  // namespace baleen::models
