#include "kernels/dropout.h"

#include <ATen/Dispatch_v2.h>
#include <ATen/ops/empty_like.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

template <typename T>
void dropout_cpu(const T* x, const T* residual, T* y, std::int64_t count, double p, core::RandomStream stream,
                 std::int64_t first_element) {
  using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto drop_below = static_cast<float>(p);
  const auto scale = static_cast<Wide>(1 / (1 - p));
  for (std::int64_t i = 0; i < count; ++i) {
    const auto element = static_cast<std::uint64_t>(first_element + i);
    const Wide kept = core::random_uniform(stream, element) < drop_below ? Wide{0} : static_cast<Wide>(x[i]) * scale;
    y[i] = static_cast<T>(residual ? kept + static_cast<Wide>(residual[i]) : kept);
  }
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double p, core::RandomStream stream, std::int64_t first_element,
                   const at::Tensor& residual) {
  core::require(x.is_contiguous() && p >= 0 && p < 1, "dropout: x contiguous, 0 <= p < 1");
  core::require(!residual.defined() || (residual.is_contiguous() && residual.sizes() == x.sizes()),
                "dropout: residual like x");
  const at::Tensor y = at::empty_like(x);
  AT_DISPATCH_V2(x.scalar_type(), "dropout", AT_WRAP([&] {
                   dropout_cpu(x.const_data_ptr<scalar_t>(),
                               residual.defined() ? residual.const_data_ptr<scalar_t>() : nullptr,
                               y.mutable_data_ptr<scalar_t>(), x.numel(), p, stream, first_element);
                 }),
                 AT_EXPAND(AT_FLOATING_TYPES), at::kBFloat16, at::kHalf);
  return y;
}

}  // namespace baleen::kernels
