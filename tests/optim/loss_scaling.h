#pragma once
// The scalings that the tests run with.

#include "optim/step_control.h"

namespace baleen::optim {

/// The defaults of FP16.
inline constexpr LossScaling kDynamicScaling{65536, 1, 1000, 1};

inline LossScaling fixed_scaling(double scale) {
  return {scale, scale, 0, 1};
}

}  // namespace baleen::optim
