#pragma once
// Ops that take the abs-max of what they make, for the tests of CPU and GPU.

#include <c10/core/Device.h>

namespace baleen::kernels::testing {

/// Each raises its slot to what its output holds, however small, large or not finite, and makes the same output as
/// without.
void expect_abs_max_of_producers(c10::Device device);

}  // namespace baleen::kernels::testing
