#include "kernels/rope.h"

#include "kernels/abs_max.h"
#include "kernels/device.h"
#include "kernels/element_type.h"
#include "kernels/rope_launch.h"

namespace baleen::kernels {
namespace {

template <typename T>
void rope_cpu(const RopeArgs& a) {
  using W = Wide<T>;
  const std::int64_t half = a.head_dim / 2;
  const W direction = a.inverse ? W{-1} : W{1};
  for (std::int64_t token = 0; token < a.tokens; ++token) {
    const W* cos = static_cast<const W*>(a.cos) + a.positions[token] * half;
    const W* sin = static_cast<const W*>(a.sin) + a.positions[token] * half;
    for (int head = 0; head < a.heads; ++head) {
      T* __restrict low = static_cast<T*>(a.qkv) + token * a.stride + std::int64_t{head} * a.head_dim;
      T* __restrict high = low + half;
      for (std::int64_t i = 0; i < half; ++i) {
        const W c = cos[i], s = sin[i] * direction, x = static_cast<W>(low[i]), y = static_cast<W>(high[i]);
        low[i] = static_cast<T>(x * c - y * s);
        high[i] = static_cast<T>(y * c + x * s);
      }
    }
  }
}

}  // namespace

void rope_(const at::Tensor& qkv, int heads, int head_dim, const at::Tensor& positions, const at::Tensor& cos,
           const at::Tensor& sin, bool inverse, const at::Tensor& abs_max) {
  core::require(
      qkv.dim() == 2 && has_dense_rows(qkv) && head_dim % 2 == 0 && qkv.size(1) >= std::int64_t{heads} * head_dim,
      "rope_: qkv [T, >= heads * head_dim], head_dim even");
  core::require(positions.is_contiguous() && positions.scalar_type() == at::kLong && positions.numel() == qkv.size(0),
                "rope_: positions [T] int64");
  const auto is_table = [&](const at::Tensor& t) {
    return t.is_contiguous() && t.dim() == 2 && t.size(1) * 2 == head_dim &&
           t.scalar_type() == compute_type(qkv.scalar_type());
  };
  core::require(is_table(cos) && is_table(sin), "rope_: cos, sin [max positions, head_dim / 2] in the compute type");
  const RopeArgs args{.qkv = qkv.mutable_data_ptr(),
                      .stride = qkv.stride(0),
                      .tokens = qkv.size(0),
                      .heads = heads,
                      .head_dim = head_dim,
                      .positions = positions.const_data_ptr<std::int64_t>(),
                      .cos = cos.const_data_ptr(),
                      .sin = sin.const_data_ptr(),
                      .inverse = inverse,
                      .abs_max = abs_max_slot(abs_max, qkv),
                      .width = qkv.size(1)};
  if (on_cuda(qkv)) {
    launch_rope(dtype_of(qkv), args, CudaScope(qkv).stream());
  } else {
    for_element_type(qkv.scalar_type(), [&]<typename T>() { rope_cpu<T>(args); });
    raise_abs_max_(abs_max, qkv);
  }
}

}  // namespace baleen::kernels
