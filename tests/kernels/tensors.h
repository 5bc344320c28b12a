#pragma once
// Random tensors and the comparisons that the tests of ops share.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace baleen::kernels::testing {

/// Standard normal numbers, the same for the same seed.
inline at::Tensor random_tensor(at::IntArrayRef sizes, at::ScalarType type = at::kDouble, unsigned int seed = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  const at::Tensor tensor = at::empty(sizes, at::kDouble);
  auto* values = tensor.mutable_data_ptr<double>();
  std::generate(values, values + tensor.numel(), [&] { return normal(engine); });
  return tensor.to(type);
}

/// Integers in [low, high), the same for the same seed.
inline at::Tensor random_integers(std::int64_t count, std::int64_t low, std::int64_t high, unsigned int seed = 1) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<std::int64_t> uniform(low, high - 1);
  const at::Tensor tensor = at::empty({count}, at::kLong);
  auto* values = tensor.mutable_data_ptr<std::int64_t>();
  std::generate(values, values + count, [&] { return uniform(engine); });
  return tensor;
}

inline double largest(const at::Tensor& tensor) {
  return tensor.numel() == 0 ? 0 : tensor.abs().max().to(at::kDouble).item<double>();
}

/// The largest difference of two tensors, NaN if there is a NaN in one of them.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return largest(a.to(at::kCPU, at::kDouble) - b.to(at::kCPU, at::kDouble));
}

/// Differs by at most `tolerance` of the largest expected value.
inline void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes());
  const double bound = tolerance * std::max(largest(expected), 1e-30);
  EXPECT_LE(difference(actual, expected), bound) << "largest expected value " << largest(expected);
}

/// The same values in rows that do not start where the one before ends, and whose first address is aligned to nothing
/// but the element.
inline at::Tensor in_strided_rows(const at::Tensor& tensor) {
  const std::int64_t columns = tensor.size(-1);
  std::vector<std::int64_t> sizes = tensor.sizes().vec();
  sizes.back() = columns + 3;
  at::Tensor view = at::empty(sizes, tensor.options()).fill_(99).narrow(-1, 1, columns);
  return view.copy_(tensor);
}

}  // namespace baleen::kernels::testing
