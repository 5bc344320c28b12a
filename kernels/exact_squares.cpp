#include "kernels/exact_squares.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/exact_squares_bins.h"
#include "kernels/exact_squares_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kLanes = 4;                  // of independent sums, so that additions need not wait for each other
constexpr int kWindows = 2048 / kBinBits;  // bins in which a square's lowest bit can lie

// Squares by the bin of their lowest bit: one addition each, and carries only at the end. A square is less than 2^84 of
// its bin's units, so that a lane has room for 2^44.
class WindowedSum {
 public:
  template <typename T>
  bool add_squares(const T* x, std::int64_t n) {
    bool finite = true;
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (int lane = 0; lane < kLanes; ++lane) finite &= add_square(x[i + lane], lane);
    }
    for (; i < n; ++i) finite &= add_square(x[i], 0);
    return finite;
  }

  void add_to(std::int64_t* bins) const {
    for (int window = 0; window < kWindows; ++window) {
      for (const auto& lane : lanes_) {
        for (int digit = 0; digit < 4; ++digit) bins[window + digit] += digit_of(lane[window], digit);
      }
    }
  }

 private:
  bool add_square(double value, int lane) {
    const SquareParts square = square_parts(value * value);
    add_shifted(lanes_[lane][square.position / kBinBits], square.mantissa, square.position % kBinBits);
    return square.finite;
  }

  Wide128 lanes_[kLanes][kWindows];
};

template <typename T>
void exact_squares_cpu(const T* gradient, const SegmentChunk* chunks, std::int64_t count, std::int64_t* bins,
                       std::int32_t& first) {
  WindowedSum sum;
  for (std::int64_t c = 0; c < count; ++c) {
    if (sum.add_squares(gradient + chunks[c].offset, chunks[c].elements)) continue;
    first = std::min(first, static_cast<std::int32_t>(chunks[c].parameter));
    ++bins[kSquareBins];
  }
  sum.add_to(bins);
}

template <typename T>
void dispatch(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& bins,
              const at::Tensor& first_nonfinite) {
  const T* g = gradient.const_data_ptr<T>();
  const auto* chunks = static_cast<const SegmentChunk*>(table.chunks.const_data_ptr());
  const std::int64_t count = table.chunks.size(0);
  auto* sums = bins.mutable_data_ptr<std::int64_t>();
  auto* first = first_nonfinite.mutable_data_ptr<std::int32_t>();
  if (on_cuda(gradient)) {
    launch_exact_squares(g, chunks, count, sums, first, CudaScope(gradient).stream());
  } else {
    exact_squares_cpu(g, chunks, count, sums, *first);
  }
}

}  // namespace

at::Tensor make_square_bins(at::Device device) {
  return at::zeros({kSquareBins + 1}, at::TensorOptions(device).dtype(at::kLong));
}

void exact_squares_(const at::Tensor& gradient, const SegmentTable& table, const at::Tensor& bins,
                    const at::Tensor& first_nonfinite) {
  core::require(gradient.dim() == 1 && gradient.is_contiguous(), "exact_squares_: gradient is flat");
  core::require(bins.numel() == kSquareBins + 1 && first_nonfinite.numel() == 1,
                "exact_squares_: bins are of make_square_bins(), first_nonfinite is 0-dim");
  if (table.chunks.size(0) == 0) return;
  if (dtype_of(gradient) == core::DType::f64) {
    dispatch<double>(gradient, table, bins, first_nonfinite);
  } else {
    dispatch<float>(gradient, table, bins, first_nonfinite);
  }
}

void round_square_bins(const at::Tensor& bins, const at::Tensor& sum) {
  core::require(bins.numel() == kSquareBins + 1 && sum.numel() == 1, "round_square_bins: bins and a 0-dim sum");
  auto* sums = bins.mutable_data_ptr<std::int64_t>();
  auto* result = sum.mutable_data_ptr<double>();
  if (on_cuda(bins)) {
    launch_round_square_bins(sums, result, CudaScope(bins).stream());
  } else {
    *result = sums[kSquareBins] > 0 ? HUGE_VAL : round_bins(sums);
  }
}

}  // namespace baleen::kernels
