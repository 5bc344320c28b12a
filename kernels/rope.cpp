#include "kernels/rope.h"

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {

void rope_(const at::Tensor& qkv, int heads, int head_dim, const at::Tensor& positions, const at::Tensor& cos,
           const at::Tensor& sin, bool inverse) {
  core::require(has_dense_rows(qkv) && qkv.size(1) >= std::int64_t{heads} * head_dim,
                "rope_: qkv [T, >= heads * head_dim]");
  const std::int64_t half = head_dim / 2;
  const at::Tensor c = cos.index_select(0, positions).unsqueeze(1);
  const at::Tensor s = (inverse ? sin.index_select(0, positions).neg() : sin.index_select(0, positions)).unsqueeze(1);
  const at::Tensor pairs = qkv.narrow(1, 0, std::int64_t{heads} * head_dim).unflatten(1, {heads, head_dim});
  at::Tensor low = pairs.narrow(2, 0, half), high = pairs.narrow(2, half, half);
  const at::ScalarType type = compute_type(qkv.scalar_type());
  const at::Tensor a = low.to(type, false, true), b = high.to(type, false, true);
  low.copy_(a * c - b * s);
  high.copy_(b * c + a * s);
}

}  // namespace baleen::kernels
