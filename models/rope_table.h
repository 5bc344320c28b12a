#pragma once
// Cosines and sines of every rotary angle a run can need.

#include <ATen/core/Tensor.h>

#include "models/model_config.h"

namespace baleen::models {

struct RopeTable {
  at::Tensor cos, sin;  // [max positions, head_dim / 2]
};

/// Angles in FP64, kept in FP32 (FP64 when computing in FP64). Scaling of the frequencies: none; linear (Chen et al.
/// 2023, "Extending context window"): all divided by the factor; llama3 (Dubey et al. 2024): low ones divided, high
/// ones kept, those between interpolated.
RopeTable make_rope_table(const ModelConfig& config, at::ScalarType compute, at::Device device);

}  // namespace baleen::models
