#include "kernels/fp8_matrix.h"

#include <ATen/ops/empty.h>

#include <vector>

namespace baleen::kernels {
namespace {

Fp8Operand empty_operand(std::int64_t rows, std::int64_t columns, Fp8Format format, Fp8Tile tile, at::Device device) {
  const at::TensorOptions options(device);
  const auto tiles = [](std::int64_t length) { return (length + kFp8TileSide - 1) / kFp8TileSide; };
  std::vector<std::int64_t> scales{1};
  if (tile == Fp8Tile::vector) scales = {tiles(columns), rows};
  if (tile == Fp8Tile::block) scales = {tiles(rows), fp8_block_stride(columns)};
  return {at::empty({rows, columns}, options.dtype(scalar_type(format))), at::empty(scales, options.dtype(at::kFloat)),
          tile};
}

std::uint8_t* bytes_in(const Fp8Operand& operand) {
  return operand.defined() ? static_cast<std::uint8_t*>(operand.bytes.mutable_data_ptr()) : nullptr;
}
float* scales_in(const Fp8Operand& operand) {
  return operand.defined() ? operand.scales.mutable_data_ptr<float>() : nullptr;
}

}  // namespace

at::ScalarType scalar_type(Fp8Format format) {
  return format == Fp8Format::e4m3 ? at::kFloat8_e4m3fn : at::kFloat8_e5m2;
}

Fp8Matrix empty_fp8(std::int64_t rows, std::int64_t columns, Fp8Format format, Fp8Tile tile, Fp8Parts parts,
                    at::Device device) {
  Fp8Matrix matrix;
  if (parts != Fp8Parts::transposed) matrix.rows = empty_operand(rows, columns, format, tile, device);
  if (parts != Fp8Parts::rows) matrix.transposed = empty_operand(columns, rows, format, tile, device);
  return matrix;
}

Fp8Target fp8_target(const Fp8Matrix& matrix, std::int64_t rows, std::int64_t columns, const float* abs_max) {
  return {.rows = rows,
          .columns = columns,
          .abs_max = abs_max,
          .bytes = bytes_in(matrix.rows),
          .scales = scales_in(matrix.rows),
          .transposed = bytes_in(matrix.transposed),
          .transposed_scales = scales_in(matrix.transposed)};
}

}  // namespace baleen::kernels
