#include "trainer/precision_config.h"

#include <algorithm>
#include <bit>

#include "core/error.h"

namespace baleen::trainer {
namespace {

constexpr double kLeastFirstScale = 65536;

core::Check power_of_two_or_0() {
  core::Check check = core::power_of_two();
  check.expected += ", or 0";
  check.number = [power = check.number](double value) { return value == 0 || power(value); };
  return check;
}

}  // namespace

core::DType PrecisionConfig::compute_dtype() const {
  if (fp8()) return core::DType::bf16;
  const auto dtype = core::dtype_from_name(compute);
  core::require(dtype.has_value(), "precision.compute names a type");
  return *dtype;
}

core::DType PrecisionConfig::master_dtype() const {
  return compute_dtype() == core::DType::f64 ? core::DType::f64 : core::DType::f32;
}

double PrecisionConfig::first_loss_scale(std::int64_t targets) const {
  if (loss_scale_init != 0) return loss_scale_init;
  const std::uint64_t next_power_of_two = std::bit_ceil(static_cast<std::uint64_t>(targets));
  return std::max(kLeastFirstScale, 2 * static_cast<double>(next_power_of_two));
}

const core::Section<PrecisionConfig>& precision_section() {
  using T = PrecisionConfig;
  static const auto section =
      core::Section<T>("precision", "Element type of the computation. Master weights, gradients and moments are FP32.")
          .field("compute", &T::compute,
                 "Type of weights and activations in forward and backward. fp8: as bf16, but the linear layers of the "
                 "transformer blocks compute in FP8, forward and backward (GPUs: compute capability 8.9 and newer).",
                 core::one_of({"fp32", "fp64", "bf16", "fp16", "fp8"},
                              {{"float32", "fp32"}, {"float64", "fp64"}, {"bfloat16", "bf16"}, {"float16", "fp16"}}))
          .field("fp8_recipe", &T::fp8_recipe,
                 "FP8: what shares a scale. tensor: a matrix; block: 128 elements of a row, 128 x 128 of a weight "
                 "(GPUs: compute capability 9.0).",
                 core::one_of({"tensor", "block"}))
          .field("fp8_smallest", &T::fp8_smallest,
                 "FP8: linear layers with fewer input or output features on a rank stay in BF16; so do those whose "
                 "features, or tokens of a micro-batch, are no multiple of 16.",
                 core::between(1, 1e9))
          .field(
              "gradient_wire", &T::gradient_wire,
              "Type in which gradients travel between ranks. fp32: as they are; bf16: rounded once, summed in FP32 in "
              "rank order.",
              core::one_of({"fp32", "bf16"}))
          .field("loss_scale_init", &T::loss_scale_init,
                 "FP16: the first loss scale, a power of two; 0: 65536, or twice the next power of two of "
                 "global_batch_size x sequence_length where that is more.",
                 power_of_two_or_0())
          .field("loss_scale_growth_interval", &T::loss_scale_growth_interval,
                 "FP16: good steps after which the loss scale doubles.", core::between(1, 1e9))
          .field("loss_scale_hysteresis", &T::loss_scale_hysteresis,
                 "FP16: overflows in a row after which the loss scale halves.", core::between(1, 1e9))
          .field("loss_scale_min", &T::loss_scale_min, "FP16: the smallest loss scale, a power of two.",
                 core::power_of_two());
  return section;
}

}  // namespace baleen::trainer
