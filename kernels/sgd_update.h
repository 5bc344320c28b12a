#pragma once
// The arithmetic of sgd.h, shared word for word by its CPU loop and its CUDA kernel. No LibTorch.

#include "core/host_device.h"
#include "kernels/step_state.h"

namespace baleen::kernels {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 0;
};

template <typename T>
struct SgdCoefficients {
  T gradient_multiplier, momentum, lr;
  T keep;  // 1 - lr * weight_decay
};

template <typename T>
BALEEN_HOST_DEVICE SgdCoefficients<T> sgd_coefficients(const SgdOptions& options, const StepState& state) {
  return {static_cast<T>(state.gradient_multiplier), static_cast<T>(options.momentum), static_cast<T>(state.lr),
          static_cast<T>(1 - state.lr * options.weight_decay)};
}

/// keep: c.keep where the parameter is decayed, else 1.
template <typename T>
BALEEN_HOST_DEVICE void sgd_update(T& p, T gradient, T& u, T keep, const SgdCoefficients<T>& c) {
  u = u * c.momentum + gradient * c.gradient_multiplier;
  p = p * keep - c.lr * u;
}

}  // namespace baleen::kernels
