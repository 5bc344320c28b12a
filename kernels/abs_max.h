#pragma once
// The largest absolute value of a tensor, which scales a matrix in FP8 (fp8.h). Ops that make such a tensor take it on
// their way: they have an argument `abs_max`, undefined or fp32 [1] that is not negative (zero it first), which they
// raise to the largest |output|; to NaN where there is one.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// Of a tensor that no such op has made: fp32 [1]. x: [rows, columns] BF16 with dense rows.
at::Tensor abs_max(const at::Tensor& x);
/// The same into a place that is there: raises `abs_max`, where it is defined. CPU definitions use it for any values.
void raise_abs_max_(const at::Tensor& abs_max, const at::Tensor& values);
/// For launchers: where it lies on the device of `values`, null where it is undefined.
float* abs_max_slot(const at::Tensor& abs_max, const at::Tensor& values);

}  // namespace baleen::kernels
