#pragma once
// The rule for every kernel: its error against FP64 is at most a small multiple of that of the plain computation.

#include <limits>

#include "tests/kernels/op_cases.h"
#include "tests/kernels/tensors.h"

namespace baleen::kernels::testing {

/// Half a unit in the last place of values near one.
inline double one_rounding(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return 0x1p-53;
    case at::kFloat:
      return 0x1p-24;
    case at::kHalf:
      return 0x1p-11;
    default:
      return 0x1p-8;
  }
}

/// `actual` came from the op on inputs of `type`. Allowed: the factor times the plain computation's error, or a few
/// roundings where the plain computation happens to be exact. In FP64 the plain computation is the measure itself.
inline void expect_precise(const OpCase& op_case, at::ScalarType type, const Tensors& actual) {
  constexpr double kFp64Tolerance = 1e-13, kRoundings = 4;
  const Tensors inputs = inputs_in(op_case, type);
  Tensors upcast;
  for (const at::Tensor& input : inputs) upcast.push_back(input.is_floating_point() ? input.to(at::kDouble) : input);
  const Tensors exact = op_case.plain(upcast), plain = op_case.plain(inputs);
  ASSERT_EQ(actual.size(), exact.size());
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double scale = std::max(1.0, largest(exact[i]));
    const double roundings = type == at::kFloat ? op_case.fp32_roundings : kRoundings;
    const double few =
        (type == at::kDouble ? kFp64Tolerance : roundings * one_rounding(actual[i].scalar_type())) * scale;
    const double allowed = std::max(op_case.error_factor * difference(plain[i], exact[i]), few);
    EXPECT_LE(difference(actual[i], exact[i]), allowed)
        << op_case.name << ", output " << i << ", " << c10::toString(type);
  }
}

}  // namespace baleen::kernels::testing
