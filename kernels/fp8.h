#pragma once
// Matrices in FP8 and their products. CPU: LibTorch's casts and FP32 products (the definition). CUDA: kernels of our
// own that quantize, and cuBLASLt. All on the current stream of the tensors' device, no host synchronisation.
//
// A value is a byte times the scale of its tile. Scales are powers of two, so that they round nothing: the largest that
// takes the tile's abs-max to at most the format's largest value; 1 for a tile of zeros. A tile with a value that is
// not finite becomes NaN as a whole, scale and bytes, and so does every product that it enters: the test for such
// gradients at the end of a step sees it.

#include <ATen/core/Tensor.h>

#include "kernels/abs_max.h"
#include "kernels/fp8_format.h"

namespace baleen::kernels {

/// What the products of a layer use: `tensor` one scale a matrix; `block` 1x128 tiles in activations and gradients,
/// 128x128 in weights.
enum class Fp8Recipe : std::uint8_t { tensor, block };

constexpr Fp8Tile activation_tile(Fp8Recipe recipe) {  // and gradients
  return recipe == Fp8Recipe::tensor ? Fp8Tile::tensor : Fp8Tile::vector;
}
constexpr Fp8Tile weight_tile(Fp8Recipe recipe) {
  return recipe == Fp8Recipe::tensor ? Fp8Tile::tensor : Fp8Tile::block;
}

/// Whether products of this recipe run there: on CPUs; on GPUs from sm_89 (tensor), sm_90 only (block).
bool has_fp8(at::Device device, Fp8Recipe recipe);
/// Error(environment) where not.
void require_fp8(at::Device device, Fp8Recipe recipe);

/// Whether all three products of a layer exist in FP8: all sizes positive multiples of 16. Others stay in BF16.
constexpr bool fp8_takes(std::int64_t tokens, std::int64_t in, std::int64_t out) {
  return tokens > 0 && in > 0 && out > 0 && tokens % 16 == 0 && in % 16 == 0 && out % 16 == 0;
}

/// A matrix whose rows can be contracted: Hopper's FP8 products sum along rows only.
struct Fp8Operand {
  at::Tensor bytes;  // [rows, columns] kFloat8_e4m3fn or kFloat8_e5m2, contiguous
  /// fp32, 16-byte aligned, as cuBLASLt wants them: tensor [1]; vector [tiles of a row, rows]; block [tiles of a
  /// column, tiles of a row, rounded up to a multiple of 4 with zeros].
  at::Tensor scales;
  Fp8Tile tile = Fp8Tile::tensor;

  bool defined() const { return bytes.defined(); }
};

/// A matrix and its transpose, which are quantized together. Either may be undefined where nothing needs it: with
/// x.rows goes the forward, with x.transposed the weight's gradient, with dy both gradients, with the weight forward
/// and input's gradient. Tiles of a vector lie along the rows of each, hence the two have different bytes.
struct Fp8Matrix {
  Fp8Operand rows;
  Fp8Operand transposed;
};

/// What it occupies: bytes and scales of what is defined.
std::int64_t bytes_of(const Fp8Matrix& matrix);

enum class Fp8Parts : std::uint8_t { rows, transposed, both };

/// x: [rows, columns] BF16 with dense rows. `abs_max`, for tensor tiles: fp32 [1], the largest |x| where a producer has
/// found it already; undefined: it is found here. Products take sizes that are multiples of 16, this call takes any.
Fp8Matrix quantize_fp8(const at::Tensor& x, Fp8Format format, Fp8Tile tile, Fp8Parts parts = Fp8Parts::both,
                       const at::Tensor& abs_max = {});

/// The values of an operand, exact: fp32 [rows, columns].
at::Tensor dequantize(const Fp8Operand& operand);

/// The products of gemm.h, for sizes that fp8_takes(). At most one of two operands is e5m2, at most one has block
/// tiles, and both have tensor tiles or neither. Sums are FP32 to the bit width of the tensor cores; fast accumulation
/// in linear() with tensor tiles only.

/// x.rows weight.rowsᵀ (+ bias) (+ residual). bias: [out], residual: [T, out], both BF16. Returns a new [T, out], BF16.
at::Tensor linear(const Fp8Matrix& x, const Fp8Matrix& weight, const at::Tensor& bias = {},
                  const at::Tensor& residual = {});

/// dy.rows weight.transposedᵀ, the gradient of x. Returns a new [T, in], BF16.
at::Tensor linear_input_gradient(const Fp8Matrix& dy, const Fp8Matrix& weight);

/// out = dy.transposed x.transposedᵀ + beta out. out: [out, in] FP32 or BF16; beta 0 overwrites, 1 adds.
void linear_weight_gradient(const Fp8Matrix& dy, const Fp8Matrix& x, const at::Tensor& out, double beta);

}  // namespace baleen::kernels
