#include "kernels/flat_launch.cuh"
#include "kernels/sgd_launch.h"

namespace baleen::kernels {
namespace {

template <typename T, typename V>
__global__ void __launch_bounds__(kFlatThreads) sgd_kernel(FlatShard shard, SgdOptions options) {
  if (shard.state->skip) return;
  __shared__ SgdCoefficients<T> shared;
  if (threadIdx.x == 0) shared = sgd_coefficients<T>(options, *shard.state);
  __syncthreads();
  const SgdCoefficients<T> c = shared;
  auto* master = static_cast<T*>(shard.master);
  const auto* gradient = static_cast<const T*>(shard.gradient);
  auto* momentum = static_cast<T*>(shard.first_moment);
  std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kPacksPerThread * kFlatThreads + threadIdx.x) * kPack<T>;
#pragma unroll
  for (int round = 0; round < kPacksPerThread; ++round, i += static_cast<std::int64_t>(kFlatThreads) * kPack<T>) {
    const std::int64_t valid = shard.n - i;
    if (valid <= 0) return;
    Pack<T> p = load_pack(master + i, valid), u = load_pack(momentum + i, valid);
    const Pack<T> g = load_pack(gradient + i, valid);
    const T keep = shard.decay[i / kDecayBlock] ? c.keep : T(1);
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) sgd_update(p.at[k], g.at[k], u.at[k], keep, c);
    store_pack(master + i, p, valid);
    store_pack(momentum + i, u, valid);
    publish_pack<V, T>(static_cast<V*>(shard.value) + i, p, valid);
  }
}

struct SgdPass {
  template <typename T, typename V>
  static auto kernel() {
    return sgd_kernel<T, V>;
  }
};

}  // namespace

void launch_sgd(const FlatShard& shard, const SgdOptions& options, void* stream) {
  launch_flat<SgdPass>("sgd", shard, options, stream);
}

}  // namespace baleen::kernels
