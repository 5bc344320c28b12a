#pragma once
// How the kernels of optimizers are launched: one pass over a flat shard, kPacksPerThread packs a thread.

#include "kernels/flat_pack.cuh"
#include "kernels/flat_shard.h"

namespace baleen::kernels {

inline constexpr int kFlatThreads = 256;
inline constexpr int kPacksPerThread = 4;

/// `Pass` names an optimizer's kernel: Pass::kernel<T, V>() takes the shard and `options`; T is the type of the
/// masters, V of the published values. FP64 masters are the values; FP32 ones may publish BF16 or FP16.
template <typename Pass, typename Options>
void launch_flat(const char* name, const FlatShard& shard, const Options& options, void* stream) {
  const auto launch = [&](auto kernel, int pack) {
    const std::int64_t blocks = divide_up(shard.n, static_cast<std::int64_t>(kFlatThreads) * kPacksPerThread * pack);
    if (blocks == 0) return;
    kernel<<<static_cast<unsigned>(blocks), kFlatThreads, 0, as_stream(stream)>>>(shard, options);
    check_launch(name);
  };
  if (shard.type == core::DType::f64) {
    launch(Pass::template kernel<double, NoValue>(), kPack<double>);
  } else if (!shard.value) {
    launch(Pass::template kernel<float, NoValue>(), kPack<float>);
  } else if (shard.value_type == core::DType::bf16) {
    launch(Pass::template kernel<float, __nv_bfloat16>(), kPack<float>);
  } else {
    launch(Pass::template kernel<float, __half>(), kPack<float>);
  }
}

}  // namespace baleen::kernels
