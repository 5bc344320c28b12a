#include "kernels/adamw_launch.h"
#include "kernels/flat_launch.cuh"

namespace baleen::kernels {
namespace {

template <typename T, typename V>
__global__ void __launch_bounds__(kFlatThreads) adamw_kernel(FlatShard shard, AdamwOptions options) {
  if (shard.state->skip) return;
  __shared__ AdamwCoefficients<T> shared;
  if (threadIdx.x == 0) shared = adamw_coefficients<T>(options, *shard.state);
  __syncthreads();
  const AdamwCoefficients<T> c = shared;
  auto* master = static_cast<T*>(shard.master);
  const auto* gradient = static_cast<const T*>(shard.gradient);
  auto* first = static_cast<T*>(shard.first_moment);
  auto* second = static_cast<T*>(shard.second_moment);
  std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kPacksPerThread * kFlatThreads + threadIdx.x) * kPack<T>;
#pragma unroll
  for (int round = 0; round < kPacksPerThread; ++round, i += static_cast<std::int64_t>(kFlatThreads) * kPack<T>) {
    const std::int64_t valid = shard.n - i;
    if (valid <= 0) return;
    Pack<T> p = load_pack(master + i, valid), m = load_pack(first + i, valid), v = load_pack(second + i, valid);
    const Pack<T> g = load_pack(gradient + i, valid);
    const T keep = shard.decay[i / kDecayBlock] ? c.keep : T(1);
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) adamw_update(p.at[k], g.at[k], m.at[k], v.at[k], keep, c);
    store_pack(master + i, p, valid);
    store_pack(first + i, m, valid);
    store_pack(second + i, v, valid);
    publish_pack<V, T>(static_cast<V*>(shard.value) + i, p, valid);
  }
}

struct AdamwPass {
  template <typename T, typename V>
  static auto kernel() {
    return adamw_kernel<T, V>;
  }
};

}  // namespace

void launch_adamw(const FlatShard& shard, const AdamwOptions& options, void* stream) {
  launch_flat<AdamwPass>("adamw", shard, options, stream);
}

}  // namespace baleen::kernels
