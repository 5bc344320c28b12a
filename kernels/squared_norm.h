#pragma once
// Sum of squares of the counted parts of a flat gradient, in FP64, and where the first non-finite element is.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/step_state.h"

namespace baleen::kernels {

/// A part of a flat buffer that counts, and the parameter that it belongs to.
struct Segment {
  std::int64_t offset = 0;  // in elements
  std::int64_t elements = 0;
  std::int32_t parameter = 0;  // any numbering; the smallest non-finite one is reported
};

/// Segments cut into chunks, ready on the device. Made once per buffer.
struct SegmentTable {
  at::Tensor chunks;    // [n, 3] int64: offset, elements, parameter
  at::Tensor partials;  // [n] fp64, scratch
};
SegmentTable make_segment_table(const std::vector<Segment>& segments, at::Device device);

/// sum (0-dim fp64) += the squares of the table's elements; first_nonfinite (0-dim int32) becomes the smaller of itself
/// and the first parameter whose squares do not sum to a finite number
/// (kAllFinite where there is none). gradient: flat fp32 or fp64, contiguous.
/// Deterministic: chunks are summed in a fixed order, whatever the threads. No host synchronisation.
void squared_norm_(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& sum,
                   const at::Tensor& first_nonfinite);

}  // namespace baleen::kernels
