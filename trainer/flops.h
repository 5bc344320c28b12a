#pragma once
// Floating-point operations that a model needs, and what a device could do: for model FLOP utilisation (MFU). No
// LibTorch.

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "models/model_config.h"

namespace baleen::trainer {

/// Of one token's forward and backward (PaLM, Chowdhery et al. 2022, appendix B, with causal attention): 6 for each
/// parameter but the input embedding's, and 6 * layers * sequence_length * heads * head_dim for attention.
double flops_per_token(const models::ModelConfig& model, std::int64_t sequence_length);

/// The device's dense peak per second in the compute dtype, from its maker's data sheet; 0 where it is not known.
double dense_peak_flops(const std::string& device_name, core::DType compute);

}  // namespace baleen::trainer
