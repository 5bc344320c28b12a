#pragma once
// Ops that make FP8 themselves, for the tests of CPU and GPU.

#include <c10/core/Device.h>

namespace baleen::kernels::testing {

/// Each gives to the bit what quantize_fp8() makes of its BF16 form, and notes the same abs-max.
void expect_fp8_of_producers(c10::Device device);

}  // namespace baleen::kernels::testing
