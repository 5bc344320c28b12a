#pragma once
// The arithmetic of adamw.h, shared word for word by its CPU loop and its CUDA kernel. No LibTorch.

#include <cmath>

#include "core/host_device.h"
#include "kernels/step_state.h"

namespace baleen::kernels {

struct AdamwOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;
};

/// What a step's update needs, computed once in FP64 and then rounded to the type of the masters.
template <typename T>
struct AdamwCoefficients {
  T gradient_multiplier, beta1, one_minus_beta1, beta2, one_minus_beta2, eps;
  T keep;              // 1 - lr * weight_decay
  T step_size;         // lr / (1 - beta1^t)
  T sqrt_correction2;  // sqrt(1 - beta2^t)
};

template <typename T>
BALEEN_HOST_DEVICE AdamwCoefficients<T> adamw_coefficients(const AdamwOptions& options, const StepState& state) {
  const double t = static_cast<double>(state.optimizer_step);
  AdamwCoefficients<T> c;
  c.gradient_multiplier = static_cast<T>(state.gradient_multiplier);
  c.beta1 = static_cast<T>(options.beta1);
  c.one_minus_beta1 = static_cast<T>(1 - options.beta1);
  c.beta2 = static_cast<T>(options.beta2);
  c.one_minus_beta2 = static_cast<T>(1 - options.beta2);
  c.eps = static_cast<T>(options.eps);
  c.keep = static_cast<T>(1 - state.lr * options.weight_decay);
  c.step_size = static_cast<T>(state.lr / (1 - pow(options.beta1, t)));
  c.sqrt_correction2 = static_cast<T>(sqrt(1 - pow(options.beta2, t)));
  return c;
}

/// keep: c.keep where the parameter is decayed, else 1.
template <typename T>
BALEEN_HOST_DEVICE void adamw_update(T& p, T gradient, T& m, T& v, T keep, const AdamwCoefficients<T>& c) {
  const T g = gradient * c.gradient_multiplier;
  m = m * c.beta1 + g * c.one_minus_beta1;
  v = v * c.beta2 + g * g * c.one_minus_beta2;
  p = p * keep - c.step_size * (m / (std::sqrt(v) / c.sqrt_correction2 + c.eps));
}

}  // namespace baleen::kernels
