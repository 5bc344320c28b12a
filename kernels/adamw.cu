#include "kernels/adamw_launch.h"
#include "kernels/flat_pack.cuh"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;
constexpr int kPacksPerThread = 4;

template <typename T, typename V>
__global__ void __launch_bounds__(kThreads) adamw_kernel(FlatShard shard, AdamwOptions options) {
  if (shard.state->skip) return;
  __shared__ AdamwCoefficients<T> shared;
  if (threadIdx.x == 0) shared = adamw_coefficients<T>(options, *shard.state);
  __syncthreads();
  const AdamwCoefficients<T> c = shared;
  auto* master = static_cast<T*>(shard.master);
  const auto* gradient = static_cast<const T*>(shard.gradient);
  auto* first = static_cast<T*>(shard.first_moment);
  auto* second = static_cast<T*>(shard.second_moment);
  std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kPacksPerThread * kThreads + threadIdx.x) * kPack<T>;
#pragma unroll
  for (int round = 0; round < kPacksPerThread; ++round, i += static_cast<std::int64_t>(kThreads) * kPack<T>) {
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

template <typename T, typename V>
void launch(const FlatShard& shard, const AdamwOptions& options, cudaStream_t stream) {
  constexpr std::int64_t kPerBlock = static_cast<std::int64_t>(kThreads) * kPacksPerThread * kPack<T>;
  const std::int64_t blocks = divide_up(shard.n, kPerBlock);
  if (blocks == 0) return;
  adamw_kernel<T, V><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(shard, options);
  check_launch("adamw");
}

}  // namespace

void launch_adamw(const FlatShard& shard, const AdamwOptions& options, void* stream) {
  const auto s = as_stream(stream);
  if (shard.type == core::DType::f64) {
    launch<double, NoValue>(shard, options, s);
  } else if (!shard.value) {
    launch<float, NoValue>(shard, options, s);
  } else if (shard.value_type == core::DType::bf16) {
    launch<float, __nv_bfloat16>(shard, options, s);
  } else {
    launch<float, __half>(shard, options, s);
  }
}

}  // namespace baleen::kernels
