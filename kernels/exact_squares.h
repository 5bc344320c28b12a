#pragma once
// A sum of squares whose bits depend on no order: elements may be spread over chunks, threads and ranks in any way.

#include <ATen/core/Tensor.h>

#include "kernels/squared_norm.h"

namespace baleen::kernels {

/// Zero, as exact_squares_() adds to it: [n] int64. A sum over ranks is the plain sum of their tensors, which may hold
/// 2^41 elements in all.
at::Tensor make_square_bins(at::Device device);

/// bins += the squares of the table's elements; first_nonfinite as in squared_norm_(). The square of an FP32 element is
/// exact, that of an FP64 element what FP64 rounds it to: nothing at or below 2^-1075, not finite above FP64's range.
/// No other number is rounded, dropped or saturated. No host synchronisation.
void exact_squares_(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& bins,
                    const at::Tensor& first_nonfinite);

/// sum (0-dim fp64) becomes the number in the bins, rounded once to nearest even; infinity beyond FP64's range, and
/// where an element's square was not finite. Bins are only to be zeroed afterwards.
void round_square_bins(const at::Tensor& bins, const at::Tensor& sum);

}  // namespace baleen::kernels
