#include "kernels/cuda_kernel.cuh"
#include "kernels/normal.h"
#include "kernels/random_fill_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void fill_normal_kernel(T* out, std::int64_t count, double std, core::RandomStream numbers,
                                   std::int64_t first_element) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  out[i] = static_cast<float>(std * random_normal(numbers, static_cast<std::uint64_t>(first_element + i)));
}

}  // namespace

void launch_fill_normal(core::DType type, void* out, std::int64_t count, double std, core::RandomStream numbers,
                        std::int64_t first_element, void* stream) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned int>(divide_up(count, kThreads));
  const auto start = [&](auto* typed) {
    fill_normal_kernel<<<blocks, kThreads, 0, as_stream(stream)>>>(typed, count, std, numbers, first_element);
  };
  type == core::DType::f64 ? start(static_cast<double*>(out)) : start(static_cast<float*>(out));
  check_launch("fill_normal");
}

}  // namespace baleen::kernels
