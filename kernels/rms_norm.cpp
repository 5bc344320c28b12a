#include "kernels/rms_norm.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/abs_max.h"
#include "kernels/device.h"
#include "kernels/element_type.h"
#include "kernels/rms_norm_launch.h"

namespace baleen::kernels {
namespace {

/// The sum of f(i) over [0, count) in kLanes interleaved sums: an order that the compiler can vectorise and that is the
/// same on every machine.
template <typename W, typename F>
W sum_in_lanes(std::int64_t count, const F& f) {
  constexpr std::int64_t kLanes = 16;
  std::array<W, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += f(i + lane);
  }
  for (; i < count; ++i) lanes[i % kLanes] += f(i);
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

template <typename T>
void forward_cpu(const RmsNormArgs& a) {
  using W = Wide<T>;
  const auto* weight = static_cast<const T*>(a.weight);
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const T* x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
    T* __restrict y = static_cast<T*>(a.y) + row * a.dim;
    const W squares =
        sum_in_lanes<W>(a.dim, [x](std::int64_t i) { return static_cast<W>(x[i]) * static_cast<W>(x[i]); });
    const W rstd = 1 / std::sqrt(squares / static_cast<W>(a.dim) + static_cast<W>(a.eps));
    static_cast<W*>(a.rstd)[row] = rstd;
    for (std::int64_t i = 0; i < a.dim; ++i) {
      y[i] = static_cast<T>(static_cast<W>(x[i]) * rstd * static_cast<W>(weight[i]));
    }
  }
}

template <typename T>
void backward_cpu(const RmsNormBackwardArgs& a) {
  using W = Wide<T>;
  constexpr std::int64_t kRowsPerSum = 64;  // sums of sums: the rounding error does not grow with the rows
  const auto* weight = static_cast<const T*>(a.weight);
  auto* total = static_cast<W*>(a.dweight);
  std::fill_n(total, a.dim, W{0});
  std::vector<W> block(static_cast<std::size_t>(a.dim));
  W* __restrict dweight = block.data();
  for (std::int64_t row = 0; row < a.rows; ++row) {
    const T* dy = static_cast<const T*>(a.dy) + a.dy_rows.offset(row);
    const T* x = static_cast<const T*>(a.x) + a.x_rows.offset(row);
    T* __restrict dx = static_cast<T*>(a.dx) + row * a.dim;
    const W rstd = static_cast<const W*>(a.rstd)[row];
    const W dot = sum_in_lanes<W>(a.dim, [&](std::int64_t i) {
      return static_cast<W>(dy[i]) * static_cast<W>(weight[i]) * static_cast<W>(x[i]);
    });
    const W pull = dot * rstd * rstd / static_cast<W>(a.dim);
    const T* add = a.add_to_dx ? static_cast<const T*>(a.add_to_dx) + a.add_rows.offset(row) : nullptr;
    const auto one_row = [&](const auto& added) {
      for (std::int64_t i = 0; i < a.dim; ++i) {
        const W wide_dy = static_cast<W>(dy[i]), wide_x = static_cast<W>(x[i]);
        dweight[i] += wide_dy * wide_x * rstd;
        dx[i] = static_cast<T>(rstd * (wide_dy * static_cast<W>(weight[i]) - wide_x * pull) + added(i));
      }
    };
    add ? one_row([add](std::int64_t i) { return static_cast<W>(add[i]); })
        : one_row([](std::int64_t) { return W{0}; });
    if ((row + 1) % kRowsPerSum == 0 || row + 1 == a.rows) {
      for (std::int64_t i = 0; i < a.dim; ++i) total[i] += std::exchange(dweight[i], W{0});
    }
  }
}

void check(const at::Tensor& x, const at::Tensor& weight) {
  core::require(has_dense_rows(x) && weight.is_contiguous() && weight.numel() == x.size(-1) &&
                    weight.scalar_type() == x.scalar_type(),
                "rms_norm: x [rows, D] or [T, heads, D] with dense rows, weight [D] of x's dtype");
}

}  // namespace

RmsNorm rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, const at::Tensor& abs_max) {
  check(x, weight);
  const std::int64_t rows = row_count(x);
  const RmsNorm out{at::empty(x.sizes(), x.options()),
                    at::empty({rows}, x.options().dtype(compute_type(x.scalar_type())))};
  const RmsNormArgs args{.x = x.const_data_ptr(),
                         .x_rows = row_layout(x),
                         .weight = weight.const_data_ptr(),
                         .y = out.y.mutable_data_ptr(),
                         .rstd = out.rstd.mutable_data_ptr(),
                         .rows = rows,
                         .dim = x.size(-1),
                         .eps = eps,
                         .abs_max = abs_max_slot(abs_max, x)};
  if (on_cuda(x)) {
    launch_rms_norm(dtype_of(x), args, CudaScope(x).stream());
  } else {
    for_element_type(x.scalar_type(), [&]<typename T>() { forward_cpu<T>(args); });
    raise_abs_max_(abs_max, out.y);
  }
  return out;
}

RmsNormGradient rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& weight,
                                  const at::Tensor& rstd, const at::Tensor& add_to_dx, const at::Tensor& abs_max) {
  check(x, weight);
  const auto like_x = [&x](const at::Tensor& t) {
    return has_dense_rows(t) && t.sizes() == x.sizes() && t.scalar_type() == x.scalar_type();
  };
  core::require(like_x(dy) && (!add_to_dx.defined() || like_x(add_to_dx)), "rms_norm_backward: dy, add_to_dx like x");
  const std::int64_t rows = row_count(x), dim = x.size(-1);
  const at::TensorOptions wide = x.options().dtype(compute_type(x.scalar_type()));
  const RmsNormGradient out{at::empty(x.sizes(), x.options()), at::empty({dim}, wide)};
  RmsNormBackwardArgs args{.dy = dy.const_data_ptr(),
                           .dy_rows = row_layout(dy),
                           .x = x.const_data_ptr(),
                           .x_rows = row_layout(x),
                           .add_to_dx = add_to_dx.defined() ? add_to_dx.const_data_ptr() : nullptr,
                           .add_rows = add_to_dx.defined() ? row_layout(add_to_dx) : RowLayout{},
                           .weight = weight.const_data_ptr(),
                           .rstd = rstd.const_data_ptr(),
                           .dx = out.dx.mutable_data_ptr(),
                           .dweight = out.dweight.mutable_data_ptr(),
                           .partials = nullptr,
                           .rows = rows,
                           .dim = dim,
                           .abs_max = abs_max_slot(abs_max, x)};
  if (on_cuda(x)) {
    core::require(dim <= rms_norm_max_dim(dtype_of(x)), "rms_norm_backward: a row's sums fit in shared memory");
    const CudaScope scope(x);
    const at::Tensor partials = at::empty({rms_norm_partials(rows), dim}, wide);
    args.partials = partials.mutable_data_ptr();
    launch_rms_norm_backward(dtype_of(x), args, scope.stream());
  } else {
    for_element_type(x.scalar_type(), [&]<typename T>() { backward_cpu<T>(args); });
    raise_abs_max_(abs_max, out.dx);
  }
  return out;
}

}  // namespace baleen::kernels
