#include "kernels/sgd.h"

#include <algorithm>

#include "kernels/device.h"
#include "kernels/flat_tensors.h"
#include "kernels/sgd_launch.h"

namespace baleen::kernels {
namespace {

template <typename T>
void update_block(T* __restrict p, const T* __restrict g, T* __restrict u, std::int64_t n, T keep,
                  const SgdCoefficients<T>& coefficients) {
  const SgdCoefficients<T> c = coefficients;
  for (std::int64_t i = 0; i < n; ++i) sgd_update(p[i], g[i], u[i], keep, c);
}

template <typename T>
void sgd_cpu(const FlatShard& shard, const SgdOptions& options) {
  const auto c = sgd_coefficients<T>(options, *shard.state);
  auto* p = static_cast<T*>(shard.master);
  const auto* g = static_cast<const T*>(shard.gradient);
  auto* u = static_cast<T*>(shard.first_moment);
  for (std::int64_t i = 0; i < shard.n; i += kDecayBlock) {
    const T keep = shard.decay[i / kDecayBlock] ? c.keep : T(1);
    update_block(p + i, g + i, u + i, std::min(kDecayBlock, shard.n - i), keep, c);
  }
}

}  // namespace

void sgd_(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& momentum, const at::Tensor& value,
          const at::Tensor& decay, const at::Tensor& state, const SgdOptions& options) {
  const FlatShard shard = flat_shard(master, gradient, momentum, {}, value, decay, state);
  if (on_cuda(master)) {
    launch_sgd(shard, options, CudaScope(master).stream());
    return;
  }
  if (shard.state->skip) return;
  if (shard.type == core::DType::f64) {
    sgd_cpu<double>(shard, options);
  } else {
    sgd_cpu<float>(shard, options);
  }
  if (value.defined()) value.copy_(master);
}

}  // namespace baleen::kernels
