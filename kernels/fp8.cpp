#include "kernels/fp8.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <bit>
#include <limits>
#include <string>

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/fp8_launch.h"
#include "kernels/fp8_matrix.h"
#include "kernels/matrix_product.h"

namespace baleen::kernels {
namespace {

constexpr std::int64_t kSide = kFp8TileSide;
constexpr int kAda = 89, kHopper = 90;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// [tiles of a column, rows of a tile, tiles of a row, columns of a tile], padded with zeros.
at::Tensor in_tiles(const at::Tensor& matrix, Fp8Tile tile) {
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1);
  if (tile == Fp8Tile::tensor) return matrix.view({1, rows, 1, columns});
  const std::int64_t height = tile == Fp8Tile::vector ? 1 : kSide;
  return at::constant_pad_nd(matrix, {0, round_up(columns, kSide) - columns, 0, round_up(rows, height) - rows})
      .unflatten(1, {-1, kSide})
      .unflatten(0, {-1, height});
}

at::Tensor from_tiles(const at::Tensor& tiles, std::int64_t rows, std::int64_t columns) {
  return tiles.flatten(2, 3).flatten(0, 1).narrow(0, 0, rows).narrow(1, 0, columns).contiguous();
}

/// The scales of a grid of tiles as they lie in an operand, and back.
at::Tensor laid_out(const at::Tensor& grid, Fp8Tile tile) {
  if (tile == Fp8Tile::tensor) return grid.flatten();
  if (tile == Fp8Tile::vector) return grid.t().contiguous();
  return at::constant_pad_nd(grid, {0, round_up(grid.size(1), 4) - grid.size(1)});
}

at::Tensor grid_of(const Fp8Operand& operand) {
  if (operand.tile == Fp8Tile::tensor) return operand.scales.view({1, 1});
  if (operand.tile == Fp8Tile::vector) return operand.scales.t();
  return operand.scales.narrow(1, 0, round_up(operand.bytes.size(1), kSide) / kSide);
}

/// values: [rows, columns] fp32. `abs_max` as in quantize_fp8().
Fp8Operand quantize_cpu(const at::Tensor& values, Fp8Format format, Fp8Tile tile, const at::Tensor& abs_max) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const double most = format == Fp8Format::e4m3 ? 448 : 57344;
  const at::Tensor tiles = in_tiles(values, tile);
  const at::Tensor largest = (abs_max.defined() ? abs_max.view({1, 1}) : tiles.abs().amax({1, 3})).contiguous();
  const at::Tensor multipliers = at::empty_like(largest), scales = at::empty_like(largest);
  for (std::int64_t i = 0; i < largest.numel(); ++i) {
    const Fp8Scale scale = fp8_scale(std::bit_cast<std::uint32_t>(largest.const_data_ptr<float>()[i]), format);
    multipliers.mutable_data_ptr<float>()[i] = std::bit_cast<float>(scale.multiplier);
    scales.mutable_data_ptr<float>()[i] = std::bit_cast<float>(scale.scale);
  }
  const at::Tensor scaled = (tiles * multipliers.unsqueeze(1).unsqueeze(3)).clamp_(-most, most);
  const at::Tensor rounded =
      from_tiles(scaled.masked_fill_(scaled.isnan(), kNan), values.size(0), values.size(1)).to(scalar_type(format));
  return {rounded, laid_out(scales, tile), tile};
}

bool is_bf16_matrix(const at::Tensor& x) {
  return x.dim() == 2 && has_dense_rows(x) && x.scalar_type() == at::kBFloat16;
}

/// a bᵀ of two operands (+ bias) (+ addend), fp32.
at::Tensor product_cpu(const Fp8Operand& a, const Fp8Operand& b, const at::Tensor& bias, const at::Tensor& addend) {
  const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kFloat) : t; };
  return cpu_product(dequantize(a), dequantize(b).t(), wide(bias), wide(addend));
}

/// [m, k] and [n, k], both there, both of sizes that products take, in tiles and formats that go together.
void check_operands(const Fp8Operand& a, const Fp8Operand& b, const char* what) {
  core::require(a.defined() && b.defined(), what);
  core::require(a.bytes.size(1) == b.bytes.size(1) && fp8_takes(a.bytes.size(0), a.bytes.size(1), b.bytes.size(0)),
                what);
  core::require((a.tile == Fp8Tile::tensor) == (b.tile == Fp8Tile::tensor) &&
                    (a.tile != Fp8Tile::block || b.tile != Fp8Tile::block),
                "products in FP8: two operands with tensor tiles, or vector tiles with vector or block tiles");
  core::require(a.bytes.scalar_type() == at::kFloat8_e4m3fn || b.bytes.scalar_type() == at::kFloat8_e4m3fn,
                "products in FP8: at most one operand is e5m2");
}

Fp8Matrix quantize_cuda(const at::Tensor& x, Fp8Format format, Fp8Tile tile, Fp8Parts parts,
                        const at::Tensor& abs_max) {
  const CudaScope scope(x);
  Fp8Matrix matrix = empty_fp8(x.size(0), x.size(1), format, tile, parts, x.device());
  const QuantizeFp8Args args{.x = x.const_data_ptr(),
                             .stride = x.stride(0),
                             .to = fp8_target(matrix, x.size(0), x.size(1), abs_max_slot(abs_max, x))};
  launch_quantize_fp8(format, tile, args, scope.stream());
  return matrix;
}

/// out = a bᵀ (+ bias) + beta c on the GPU.
void product_cuda(const Fp8Operand& a, const Fp8Operand& b, const at::Tensor& bias, const at::Tensor& c, double beta,
                  const at::Tensor& out, bool fast = false) {
  cuda_product({.a = a.bytes,
                .b = b.bytes.t(),
                .bias = bias,
                .c = c,
                .beta = beta,
                .out = out,
                .scales = {.a = a.scales, .b = b.scales, .a_tile = a.tile, .b_tile = b.tile, .fast = fast}});
}

}  // namespace

bool has_fp8(at::Device device, Fp8Recipe recipe) {
  if (device.is_cpu()) return true;
  const int capability = compute_capability(device);
  return recipe == Fp8Recipe::tensor ? capability >= kAda : capability == kHopper;
}

void require_fp8(at::Device device, Fp8Recipe recipe) {
  if (has_fp8(device, recipe)) return;
  const int capability = compute_capability(device);
  const std::string has = "; this one has " + std::to_string(capability / 10) + "." + std::to_string(capability % 10);
  if (capability < kAda)
    throw core::Error(core::ExitCode::environment, "FP8 needs a GPU of compute capability 8.9 or newer" + has,
                      "set precision.compute = \"bf16\"");
  throw core::Error(core::ExitCode::environment,
                    "FP8 with block scales needs a GPU of compute capability 9.0 (Hopper)" + has,
                    "set precision.fp8_recipe = \"tensor\"");
}

Fp8Matrix quantize_fp8(const at::Tensor& x, Fp8Format format, Fp8Tile tile, Fp8Parts parts, const at::Tensor& abs_max) {
  core::require(is_bf16_matrix(x), "quantize_fp8: x [rows, columns] BF16 with dense rows");
  core::require(
      !abs_max.defined() || (tile == Fp8Tile::tensor && abs_max.numel() == 1 && abs_max.scalar_type() == at::kFloat),
      "quantize_fp8: abs_max [1] fp32, for tensor tiles");
  core::require(x.numel() > 0, "quantize_fp8: a matrix with elements");
  if (on_cuda(x)) {
    const bool unknown = tile == Fp8Tile::tensor && !abs_max.defined();
    return quantize_cuda(x, format, tile, parts, unknown ? kernels::abs_max(x) : abs_max);
  }
  const at::Tensor values = x.to(at::kFloat);
  Fp8Matrix matrix;
  if (parts != Fp8Parts::transposed) matrix.rows = quantize_cpu(values, format, tile, abs_max);
  if (parts != Fp8Parts::rows) matrix.transposed = quantize_cpu(values.t().contiguous(), format, tile, abs_max);
  return matrix;
}

at::Tensor dequantize(const Fp8Operand& operand) {
  const at::Tensor tiles = in_tiles(operand.bytes.to(at::kFloat), operand.tile);
  return from_tiles(tiles * grid_of(operand).unsqueeze(1).unsqueeze(3), operand.bytes.size(0), operand.bytes.size(1));
}

std::int64_t bytes_of(const Fp8Matrix& matrix) {
  std::int64_t bytes = 0;
  for (const Fp8Operand* operand : {&matrix.rows, &matrix.transposed})
    if (operand->defined()) bytes += static_cast<std::int64_t>(operand->bytes.nbytes() + operand->scales.nbytes());
  return bytes;
}

at::Tensor linear(const Fp8Matrix& x, const Fp8Matrix& weight, const at::Tensor& bias, const at::Tensor& residual) {
  check_operands(x.rows, weight.rows, "linear: x.rows [T, in], weight.rows [out, in], sizes that fp8_takes()");
  const std::int64_t tokens = x.rows.bytes.size(0), out = weight.rows.bytes.size(0);
  core::require(
      (!bias.defined() || (bias.dim() == 1 && bias.size(0) == out)) &&
          (!residual.defined() || (residual.dim() == 2 && residual.size(0) == tokens && residual.size(1) == out)),
      "linear: bias [out], residual [T, out]");
  if (!on_cuda(x.rows.bytes)) return product_cpu(x.rows, weight.rows, bias, residual).to(at::kBFloat16);
  at::Tensor y = at::empty({tokens, out}, x.rows.bytes.options().dtype(at::kBFloat16));
  product_cuda(x.rows, weight.rows, bias, residual, residual.defined() ? 1 : 0, y, x.rows.tile == Fp8Tile::tensor);
  return y;
}

at::Tensor linear_input_gradient(const Fp8Matrix& dy, const Fp8Matrix& weight) {
  check_operands(dy.rows, weight.transposed,
                 "linear_input_gradient: dy.rows [T, out], weight.transposed [in, out], sizes that fp8_takes()");
  if (!on_cuda(dy.rows.bytes)) return product_cpu(dy.rows, weight.transposed, {}, {}).to(at::kBFloat16);
  at::Tensor dx =
      at::empty({dy.rows.bytes.size(0), weight.transposed.bytes.size(0)}, dy.rows.bytes.options().dtype(at::kBFloat16));
  product_cuda(dy.rows, weight.transposed, {}, {}, 0, dx);
  return dx;
}

void linear_weight_gradient(const Fp8Matrix& dy, const Fp8Matrix& x, const at::Tensor& out, double beta) {
  check_operands(dy.transposed, x.transposed,
                 "linear_weight_gradient: dy.transposed [out, T], x.transposed [in, T], sizes that fp8_takes()");
  core::require(
      out.dim() == 2 && out.size(0) == dy.transposed.bytes.size(0) && out.size(1) == x.transposed.bytes.size(0),
      "linear_weight_gradient: out [out, in]");
  core::require(beta == 0 || beta == 1, "linear_weight_gradient: beta 0 overwrites, beta 1 adds");
  if (on_cuda(out)) return product_cuda(dy.transposed, x.transposed, {}, out, beta, out);
  out.copy_(product_cpu(dy.transposed, x.transposed, {}, beta == 0 ? at::Tensor() : out));
}

}  // namespace baleen::kernels
