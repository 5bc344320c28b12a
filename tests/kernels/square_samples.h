#pragma once
// Gradients of every kind for the tests of exact_squares.h, on the CPU and on a GPU.

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "kernels/exact_squares.h"

namespace baleen::kernels::testing {

struct SquareSample {
  std::string name;
  at::Tensor values;  // fp64, of FP32's range
};

template <typename F>
at::Tensor made_of(std::int64_t n, const F& element) {
  const at::Tensor values = at::zeros({n}, at::kDouble);
  for (std::int64_t i = 0; i < n; ++i) values.mutable_data_ptr<double>()[i] = element(i);
  return values;
}

inline std::vector<SquareSample> square_samples() {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> exponent(-149, 126), low(-149, -120);
  const auto scaled = [&](auto& exponents) { return std::ldexp(normal(random) / 8, exponents(random)); };
  return {
      {"normal", made_of(20011, [&](auto) { return normal(random); })},
      {"small", made_of(20011, [&](auto) { return 1e-12 * normal(random); })},
      {"every exponent", made_of(20011, [&](auto) { return scaled(exponent); })},
      {"denormal in FP32", made_of(5003, [&](auto) { return scaled(low); })},
      {"one large among small",
       made_of(9001, [&](std::int64_t i) { return i == 4500 ? 1e30 : 1e-30 * normal(random); })},
      {"mostly zero", made_of(9001, [&](std::int64_t i) { return i % 1000 == 3 ? normal(random) : 0; })},
      {"equal", made_of(70001, [](auto) { return 1 - std::ldexp(1.0, -20); })},
      {"one element", made_of(1, [](auto) { return 0.1; })},
  };
}

inline at::Tensor random_permutation(std::int64_t n, std::uint64_t seed) {
  const at::Tensor order = at::arange(n);
  std::mt19937_64 random(seed);
  std::shuffle(order.mutable_data_ptr<std::int64_t>(), order.mutable_data_ptr<std::int64_t>() + n, random);
  return order;
}

/// n cut into `parts` lengths, some of which may be zero.
inline std::vector<std::int64_t> random_parts(std::int64_t n, int parts, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::int64_t> lengths;
  for (int part = 1; part < parts; ++part) {
    lengths.push_back(std::uniform_int_distribution<std::int64_t>(0, n)(random));
    n -= lengths.back();
  }
  lengths.push_back(n);
  return lengths;
}

struct ExactSquares {
  double sum;
  int first_nonfinite;
};

/// On the tensor's device.
inline ExactSquares exact_squares_of(const at::Tensor& x, const std::vector<Segment>& segments) {
  const at::TensorOptions device(x.device());
  const at::Tensor bins = make_square_bins(x.device()), sum = at::zeros({}, device.dtype(at::kDouble));
  const at::Tensor first = at::full({}, kAllFinite, device.dtype(at::kInt));
  exact_squares_(x, make_segment_table(segments, x.device()), bins, first);
  round_square_bins(bins, sum);
  return {sum.item<double>(), first.item<int>()};
}

}  // namespace baleen::kernels::testing
