#pragma once
// An oracle for exact_squares.h that shares nothing with it: Shewchuk's exact sum of doubles by non-overlapping parts
// (1997), rounded as Python's math.fsum does.

#include <ATen/core/Tensor.h>

#include <utility>
#include <vector>

namespace baleen::kernels::testing {

/// Of the squares as FP64 rounds them, rounded once. No partial sum may leave FP64's range.
inline double exact_sum_of_squares(const at::Tensor& x) {
  const at::Tensor values = x.to(at::kDouble).contiguous();
  std::vector<double> parts;  // increasing, their sum is exact
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    double rest = values.const_data_ptr<double>()[i];
    rest *= rest;
    std::size_t kept = 0;
    for (double part : parts) {
      if (rest < part) std::swap(rest, part);
      const double sum = rest + part;
      const double error = part - (sum - rest);
      if (error != 0) parts[kept++] = error;
      rest = sum;
    }
    parts.resize(kept);
    parts.push_back(rest);
  }
  double sum = 0, error = 0;
  while (!parts.empty() && error == 0) {
    const double before = sum, part = parts.back();
    parts.pop_back();
    sum = before + part;
    error = part - (sum - before);
  }
  // Half way, and the parts below say on which side.
  if (!parts.empty() && ((error < 0 && parts.back() < 0) || (error > 0 && parts.back() > 0))) {
    const double twice = 2 * error, next = sum + twice;
    if (twice == next - sum) sum = next;
  }
  return sum;
}

}  // namespace baleen::kernels::testing
