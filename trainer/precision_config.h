#pragma once
// Section `precision`: the element type of the computation, loss scaling where it is FP16, recipes where it is FP8.

#include <cstdint>
#include <string>

#include "core/config_section.h"
#include "core/dtype.h"
#include "models/fp8_linears.h"

namespace baleen::trainer {

struct PrecisionConfig {
  std::string compute = "fp32";       // or "fp64", "bf16", "fp16", "fp8"
  std::string fp8_recipe = "tensor";  // or "block"
  std::int64_t fp8_smallest = models::kSmallestFp8;
  std::string gradient_wire = "fp32";              // or "bf16"
  double loss_scale_init = 0;                      // 0: first_loss_scale() chooses
  std::int64_t loss_scale_growth_interval = 1000;  // good steps
  std::int64_t loss_scale_hysteresis = 1;          // overflows in a row
  double loss_scale_min = 1.0;

  bool fp8() const { return compute == "fp8"; }
  /// Of weights and activations: BF16 where linear layers compute in FP8.
  core::DType compute_dtype() const;
  /// Of master weights, main gradients and moments: FP32, or FP64 when computing in FP64.
  core::DType master_dtype() const;
  /// FP16: loss_scale_init, or what suits a step of so many targets. The loss gradient of each is the scale over their
  /// number, spread over a vocabulary: where it starts far below 1, most of it is too small for FP16.
  double first_loss_scale(std::int64_t targets) const;
};

const core::Section<PrecisionConfig>& precision_section();

}  // namespace baleen::trainer
