#pragma once
// What adamw.h and sgd.h share: the arguments of one pass over a flat shard. No LibTorch.

#include <cstdint>

#include "core/dtype.h"
#include "kernels/step_state.h"

namespace baleen::kernels {

/// Weight decay is decided per block of this many elements (parallel::kAlignment: parameters start on its multiples).
inline constexpr std::int64_t kDecayBlock = 128;

/// Pointers on the device of one shard of n elements.
struct FlatShard {
  std::int64_t n = 0;
  core::DType type = core::DType::f32;  // of master, gradient and moments: fp32 or fp64
  void* master = nullptr;
  const void* gradient = nullptr;
  void* first_moment = nullptr;   // AdamW's exp_avg, SGD's momentum
  void* second_moment = nullptr;  // AdamW's exp_avg_sq
  void* value = nullptr;          // published copy, or nullptr where the master is the value
  core::DType value_type = core::DType::bf16;
  const std::uint8_t* decay = nullptr;  // one per kDecayBlock elements
  const StepState* state = nullptr;
};

}  // namespace baleen::kernels
