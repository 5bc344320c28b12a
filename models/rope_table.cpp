#include "models/rope_table.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <cmath>
#include <numbers>
#include <vector>

namespace baleen::models {
namespace {

/// Llama 3's rule for one frequency: wavelengths longer than low / original context are stretched by the factor, those
/// shorter than high / original context kept, and between them the two are mixed.
double llama3_frequency(double frequency, const ModelConfig& config) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  const double original = static_cast<double>(config.rope_original_max_positions);
  const double low = config.rope_low_freq_factor, high = config.rope_high_freq_factor;
  if (wavelength > original / low) return frequency / config.rope_factor;
  if (wavelength < original / high) return frequency;
  const double kept = (original / wavelength - low) / (high - low);
  return (1.0 - kept) * frequency / config.rope_factor + kept * frequency;
}

std::vector<double> frequencies(const ModelConfig& config) {
  const std::int64_t half = config.head_dim() / 2;
  std::vector<double> result;
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency = std::pow(config.rope_theta, -static_cast<double>(i) / static_cast<double>(half));
    switch (config.rope_scaling) {
      case RopeScaling::none:
        result.push_back(frequency);
        break;
      case RopeScaling::linear:
        result.push_back(frequency / config.rope_factor);
        break;
      case RopeScaling::llama3:
        result.push_back(llama3_frequency(frequency, config));
        break;
    }
  }
  return result;
}

}  // namespace

RopeTable make_rope_table(const ModelConfig& config, at::ScalarType compute, at::Device device) {
  const std::vector<double> frequency = frequencies(config);
  const auto half = static_cast<std::int64_t>(frequency.size());
  const at::Tensor cos = at::empty({config.max_sequence_length, half}, at::kDouble);
  const at::Tensor sin = at::empty_like(cos);
  double* cos_at = cos.mutable_data_ptr<double>();
  double* sin_at = sin.mutable_data_ptr<double>();
  for (std::int64_t position = 0; position < config.max_sequence_length; ++position) {
    for (const double f : frequency) {
      const double angle = static_cast<double>(position) * f;
      *cos_at++ = std::cos(angle);
      *sin_at++ = std::sin(angle);
    }
  }
  const at::TensorOptions kept =
      at::TensorOptions().dtype(compute == at::kDouble ? at::kDouble : at::kFloat).device(device);
  return {cos.to(kept), sin.to(kept)};
}

}  // namespace baleen::models
