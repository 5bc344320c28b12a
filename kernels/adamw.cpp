#include "kernels/adamw.h"

#include <algorithm>

#include "kernels/adamw_launch.h"
#include "kernels/device.h"
#include "kernels/flat_tensors.h"

namespace baleen::kernels {
namespace {

// One block with one decay factor and no aliases: the loop that the compiler vectorises.
template <typename T>
void update_block(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v, std::int64_t n, T keep,
                  const AdamwCoefficients<T>& coefficients) {
  const AdamwCoefficients<T> c = coefficients;
  for (std::int64_t i = 0; i < n; ++i) adamw_update(p[i], g[i], m[i], v[i], keep, c);
}

template <typename T>
void adamw_cpu(const FlatShard& shard, const AdamwOptions& options) {
  const auto c = adamw_coefficients<T>(options, *shard.state);
  auto* p = static_cast<T*>(shard.master);
  const auto* g = static_cast<const T*>(shard.gradient);
  auto* m = static_cast<T*>(shard.first_moment);
  auto* v = static_cast<T*>(shard.second_moment);
  for (std::int64_t i = 0; i < shard.n; i += kDecayBlock) {
    const T keep = shard.decay[i / kDecayBlock] ? c.keep : T(1);
    update_block(p + i, g + i, m + i, v + i, std::min(kDecayBlock, shard.n - i), keep, c);
  }
}

}  // namespace

void adamw_(const at::Tensor& master, const at::Tensor& gradient, const at::Tensor& exp_avg,
            const at::Tensor& exp_avg_sq, const at::Tensor& value, const at::Tensor& decay, const at::Tensor& state,
            const AdamwOptions& options) {
  const FlatShard shard = flat_shard(master, gradient, exp_avg, exp_avg_sq, value, decay, state);
  if (on_cuda(master)) {
    launch_adamw(shard, options, CudaScope(master).stream());
    return;
  }
  if (shard.state->skip) return;
  if (shard.type == core::DType::f64) {
    adamw_cpu<double>(shard, options);
  } else {
    adamw_cpu<float>(shard, options);
  }
  if (value.defined()) value.copy_(master);
}

}  // namespace baleen::kernels
