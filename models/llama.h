#pragma once
// The Llama family (Llama, Qwen2, Qwen3 and relatives) as units and modules.

#include <memory>
#include <optional>
#include <vector>

#include "models/fp8_linears.h"
#include "models/model_config.h"
#include "models/module.h"
#include "models/recompute_level.h"
#include "parallel/tensor_region.h"

namespace baleen::models {

struct ModuleOptions {
  Recompute recompute = Recompute::none;
  double z_loss = 0.0;
  bool deterministic = true;
  /// Most logits alive at once in the head: 2^28 are 512 MiB in BF16 and give the GEMMs of a 128k vocabulary 2048 rows.
  std::int64_t loss_chunk_elements = std::int64_t{1} << 28;
  std::optional<kernels::Fp8Recipe> fp8;  // of the linear layers that computes_in_fp8(); computing in BF16
  std::int64_t fp8_smallest = kSmallestFp8;
  parallel::TensorRegion region{};  // its ranks are UnitOptions::tensor_degree
};

using Units = std::vector<std::unique_ptr<parallel::Unit>>;
using Modules = std::vector<std::unique_ptr<Module>>;

/// The units of the model that a rank holds: `held` indexes llama_units(). A head whose weight is that of an embedding
/// that is held too has no values of its own.
Units make_llama_units(const ModelConfig& config, const std::vector<int>& held, const parallel::UnitOptions& options,
                       bool sequence_parallel = false);

/// One module per unit; they refer to the units' parameters, and have the units keep in FP8 what they read in it.
/// loss: see LossHead.
Modules make_llama_modules(const ModelConfig& config, const std::vector<int>& held, const Units& units,
                           const ModuleOptions& options, const at::Tensor& loss);

}  // namespace baleen::models
