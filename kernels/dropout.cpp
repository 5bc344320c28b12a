#include "kernels/dropout.h"

#include <ATen/ops/empty.h>

#include "kernels/device.h"
#include "kernels/dropout_launch.h"
#include "kernels/element_type.h"

namespace baleen::kernels {
namespace {

template <typename T>
void dropout_cpu(const DropoutArgs& a) {
  using W = Wide<T>;
  const auto* x = static_cast<const T*>(a.x);
  const auto* residual = static_cast<const T*>(a.residual);
  auto* y = static_cast<T*>(a.y);
  const auto drop_below = static_cast<float>(a.p);
  const auto scale = static_cast<W>(1 / (1 - a.p));
  for (std::int64_t i = 0; i < a.count;) {
    const auto element = static_cast<std::uint64_t>(a.first_element + i);
    const core::Philox4 words = core::philox(a.stream, element / 4);
    for (auto word = element % 4; word < 4 && i < a.count; ++word, ++i) {  // four elements share a block of Philox
      const W kept = core::uniform_from(words.word[word]) < drop_below ? W{0} : static_cast<W>(x[i]) * scale;
      y[i] = static_cast<T>(residual ? kept + static_cast<W>(residual[i]) : kept);
    }
  }
}

}  // namespace

at::Tensor dropout(const at::Tensor& x, double p, core::RandomStream stream, std::int64_t first_element,
                   const at::Tensor& residual) {
  core::require(x.is_contiguous() && p >= 0 && p < 1, "dropout: x contiguous, 0 <= p < 1");
  core::require(!residual.defined() || (residual.is_contiguous() && residual.sizes() == x.sizes() &&
                                        residual.scalar_type() == x.scalar_type()),
                "dropout: residual like x");
  at::Tensor y = at::empty(x.sizes(), x.options());
  const DropoutArgs args{.x = x.const_data_ptr(),
                         .residual = residual.defined() ? residual.const_data_ptr() : nullptr,
                         .y = y.mutable_data_ptr(),
                         .count = x.numel(),
                         .p = p,
                         .stream = stream,
                         .first_element = first_element};
  if (on_cuda(x)) {
    launch_dropout(dtype_of(x), args, CudaScope(x).stream());
  } else {
    for_element_type(x.scalar_type(), [&]<typename T>() { dropout_cpu<T>(args); });
  }
  return y;
}

}  // namespace baleen::kernels
