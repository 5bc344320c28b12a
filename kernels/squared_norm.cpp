#include "kernels/squared_norm.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/squared_norm_launch.h"

namespace baleen::kernels {
namespace {

// Independent partial sums, which the compiler turns into vector lanes without being allowed to reorder additions.
template <typename T>
double sum_of_squares(const T* x, std::int64_t n) {
  constexpr int kLanes = 8;
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      lanes[lane] += value * value;
    }
  }
  for (; i < n; ++i) lanes[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

template <typename T>
void squared_norm_cpu(const T* gradient, const SegmentChunk* chunks, std::int64_t count, double& sum,
                      std::int32_t& first) {
  double total = 0;
  for (std::int64_t c = 0; c < count; ++c) {
    const double partial = sum_of_squares(gradient + chunks[c].offset, chunks[c].elements);
    if (!std::isfinite(partial)) first = std::min(first, static_cast<std::int32_t>(chunks[c].parameter));
    total += partial;
  }
  sum += total;
}

template <typename T>
void dispatch(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& sum,
              const at::Tensor& first_nonfinite) {
  const T* g = gradient.const_data_ptr<T>();
  const auto* chunks = static_cast<const SegmentChunk*>(table.chunks.const_data_ptr());
  const std::int64_t count = table.chunks.size(0);
  auto* total = sum.mutable_data_ptr<double>();
  auto* first = first_nonfinite.mutable_data_ptr<std::int32_t>();
  if (on_cuda(gradient)) {
    launch_squared_norm(g, chunks, count, table.partials.mutable_data_ptr<double>(), total, first,
                        CudaScope(gradient).stream());
  } else {
    squared_norm_cpu(g, chunks, count, *total, *first);
  }
}

}  // namespace

SegmentTable make_segment_table(const std::vector<Segment>& segments, at::Device device) {
  std::vector<SegmentChunk> chunks;
  for (const Segment& segment : segments) {
    for (std::int64_t done = 0; done < segment.elements; done += kChunkElements) {
      chunks.push_back({segment.offset + done, std::min(kChunkElements, segment.elements - done), segment.parameter});
    }
  }
  const auto rows = static_cast<std::int64_t>(chunks.size());
  const at::Tensor host = at::empty({rows, 3}, at::kLong);
  std::copy(chunks.begin(), chunks.end(), static_cast<SegmentChunk*>(host.mutable_data_ptr()));
  return {host.to(device), at::empty({rows}, at::TensorOptions(device).dtype(at::kDouble))};
}

void squared_norm_(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& sum,
                   const at::Tensor& first_nonfinite) {
  core::require(gradient.dim() == 1 && gradient.is_contiguous(), "squared_norm_: gradient is flat");
  core::require(sum.numel() == 1 && first_nonfinite.numel() == 1, "squared_norm_: sum and first_nonfinite are 0-dim");
  if (table.chunks.size(0) == 0) return;
  if (dtype_of(gradient) == core::DType::f64) {
    dispatch<double>(gradient, table, sum, first_nonfinite);
  } else {
    dispatch<float>(gradient, table, sum, first_nonfinite);
  }
}

}  // namespace baleen::kernels
