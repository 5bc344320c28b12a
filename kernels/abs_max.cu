#include "kernels/abs_max.cuh"
#include "kernels/abs_max_launch.h"

namespace baleen::kernels {
namespace {

constexpr int kThreads = 256;

/// grid.x strides over the chunks of a row, grid.y over the rows.
template <int N>
__global__ void abs_max_kernel(const std::uint16_t* x, std::int64_t stride, std::int64_t rows, std::int64_t columns,
                               float* abs_max) {
  std::uint32_t largest = 0;
  const std::int64_t chunks = columns / N, step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
#pragma unroll 4
    for (std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; c < chunks; c += step) {
      const Chunk<std::uint16_t, N> chunk = load<N>(x + row * stride + c * N);
      for (int j = 0; j < N; ++j) largest = max(largest, chunk.at[j] & 0x7FFFu);
    }
  }
  raise_abs_max<kThreads / kWarp>(abs_max, largest << 16);
}

}  // namespace

void launch_abs_max(const void* x, std::int64_t stride, std::int64_t rows, std::int64_t columns, float* abs_max,
                    void* stream) {
  constexpr std::int64_t kBlocks = 132 * 8;
  if (rows == 0 || columns == 0) return;
  if (stride == columns) columns *= rows, stride = columns, rows = 1;  // no gaps: one long row
  const bool wide = aligned_to_16(x) && stride % 8 == 0 && columns % 8 == 0;
  for_chunk_size<std::uint16_t>(wide, [&]<int N>() {
    const std::int64_t across = divide_up(columns / N, kThreads);
    const dim3 grid(static_cast<unsigned int>(across < kBlocks ? across : kBlocks),
                    static_cast<unsigned int>(rows < divide_up(kBlocks, across) ? rows : divide_up(kBlocks, across)));
    abs_max_kernel<N><<<grid, kThreads, 0, as_stream(stream)>>>(static_cast<const std::uint16_t*>(x), stride, rows,
                                                                columns, abs_max);
    check_launch("abs_max");
  });
}

}  // namespace baleen::kernels
