// The definition of FP8 against its own formats, written down independently, and its products against FP64.

#include "kernels/fp8.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "tests/kernels/abs_max_cases.h"
#include "tests/kernels/fp8_producer_cases.h"
#include "tests/kernels/fp8_samples.h"

namespace baleen::kernels::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

int mantissa_bits(Fp8Format format) {
  return format == Fp8Format::e4m3 ? 3 : 2;
}

/// Every value that the format holds and that is finite and not negative, ascending; the place is the byte.
std::vector<double> values_of(Fp8Format format) {
  const int bits = mantissa_bits(format), steps = 1 << bits, bias = format == Fp8Format::e4m3 ? 7 : 15;
  std::vector<double> values;
  for (int byte = 0; byte <= (format == Fp8Format::e4m3 ? 0x7E : 0x7B); ++byte) {
    const int exponent = byte >> bits, mantissa = byte % steps;
    values.push_back(exponent == 0 ? std::ldexp(mantissa, 1 - bias - bits)
                                   : std::ldexp(steps + mantissa, exponent - bias - bits));
  }
  return values;
}

/// The byte nearest to x, of two the even one.
int nearest(const std::vector<double>& values, double x) {
  int best = 0;
  for (int byte = 1; byte < static_cast<int>(values.size()); ++byte) {
    const double gain = std::abs(values[best] - std::abs(x)) - std::abs(values[byte] - std::abs(x));
    if (gain > 0 || (gain == 0 && byte % 2 == 0)) best = byte;
  }
  return std::signbit(x) ? best | 0x80 : best;
}

/// The largest power of two that takes abs_max to at most the format's largest value.
double multiplier_of(double abs_max, double largest) {
  if (abs_max == 0) return 1;
  double power = 0x1p126;
  while (power * abs_max > largest) power /= 2;
  return power;
}

struct Sizes {
  std::int64_t height, width;
};

Sizes tile_sizes(Fp8Tile tile, const at::Tensor& x) {
  if (tile == Fp8Tile::tensor) return {x.size(0), x.size(1)};
  return {tile == Fp8Tile::vector ? 1 : 128, 128};
}

double scale_at(const Fp8Operand& operand, std::int64_t row, std::int64_t column) {
  if (operand.tile == Fp8Tile::tensor) return operand.scales[0].item<double>();
  if (operand.tile == Fp8Tile::vector) return operand.scales[column][row].item<double>();
  return operand.scales[row][column].item<double>();
}

/// Tile by tile, element by element: the rule of fp8.h.
void expect_quantized(const Fp8Operand& operand, const at::Tensor& x, Fp8Format format) {
  const std::vector<double> values = values_of(format);
  const Sizes size = tile_sizes(operand.tile, x);
  const at::Tensor exact = x.to(at::kDouble), bytes = operand.bytes.view(at::kByte);
  ASSERT_EQ(bytes.sizes(), x.sizes());
  for (std::int64_t top = 0; top < x.size(0); top += size.height) {
    for (std::int64_t left = 0; left < x.size(1); left += size.width) {
      const std::int64_t height = std::min(size.height, x.size(0) - top),
                         width = std::min(size.width, x.size(1) - left);
      const at::Tensor part = exact.narrow(0, top, height).narrow(1, left, width).contiguous();
      const at::Tensor got = bytes.narrow(0, top, height).narrow(1, left, width).contiguous();
      const double multiplier = multiplier_of(largest(part), values.back());
      EXPECT_EQ(scale_at(operand, top / size.height, left / size.width), 1 / multiplier);
      for (std::int64_t i = 0; i < part.numel(); ++i) {
        const double element = part.const_data_ptr<double>()[i];
        ASSERT_EQ(got.const_data_ptr<std::uint8_t>()[i], nearest(values, element * multiplier))
            << element << " times " << multiplier;
      }
    }
  }
}

TEST(Fp8, RoundsToTheNearestValueOfATileThatFillsTheFormat) {
  for (const Fp8Format format : kFormats) {
    for (const Fp8Tile tile : kTiles) {
      for (const at::Tensor& x : fp8_samples()) {
        const Fp8Matrix matrix = quantize_fp8(in_strided_rows(x), format, tile);
        expect_quantized(matrix.rows, x, format);
        expect_quantized(matrix.transposed, x.t(), format);
      }
    }
  }
}

TEST(Fp8, GivesBackWhatItCanHold) {
  for (const Fp8Format format : kFormats) {
    for (const Fp8Tile tile : kTiles) {
      const at::Tensor x = random_tensor({130, 300}, at::kBFloat16);
      const Fp8Operand once = quantize_fp8(x, format, tile).rows;
      const at::Tensor held = dequantize(once);
      const double step = std::ldexp(1, -1 - mantissa_bits(format));
      EXPECT_LE(largest((held - x) / x.abs().clamp_min(0.02)), 1.0001 * step);
      const Fp8Operand twice = quantize_fp8(held.to(at::kBFloat16), format, tile).rows;
      EXPECT_TRUE(dequantize(twice).equal(held)) << "scales are powers of two: nothing is rounded twice";
    }
  }
}

TEST(Fp8, ScalesLieAsTheProductsWantThem) {
  const at::Tensor x = random_tensor({144, 272}, at::kBFloat16);
  const auto scales = [&](Fp8Tile tile) { return quantize_fp8(x, Fp8Format::e4m3, tile); };
  EXPECT_EQ(scales(Fp8Tile::tensor).rows.scales.sizes(), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(scales(Fp8Tile::vector).rows.scales.sizes(), (std::vector<std::int64_t>{3, 144}));
  EXPECT_EQ(scales(Fp8Tile::vector).transposed.scales.sizes(), (std::vector<std::int64_t>{2, 272}));
  const at::Tensor block = scales(Fp8Tile::block).rows.scales;
  EXPECT_EQ(block.sizes(), (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(largest(block.narrow(1, 3, 1)), 0);
  EXPECT_TRUE(block.is_contiguous() && scales(Fp8Tile::vector).rows.scales.is_contiguous());
}

TEST(Fp8, MakesOnlyThePartsAskedFor) {
  const at::Tensor x = random_tensor({16, 32}, at::kBFloat16);
  const auto part = [&](Fp8Parts parts) { return quantize_fp8(x, Fp8Format::e4m3, Fp8Tile::vector, parts); };
  EXPECT_FALSE(part(Fp8Parts::rows).transposed.defined());
  EXPECT_FALSE(part(Fp8Parts::transposed).rows.defined());
  EXPECT_EQ(bytes_of(part(Fp8Parts::rows)), 16 * 32 + 16 * 4);
  EXPECT_EQ(bytes_of(part(Fp8Parts::both)), 2 * 16 * 32 + 16 * 4 + 32 * 4);
}

TEST(Fp8, TakesAnAbsMaxThatIsAlreadyKnown) {
  const at::Tensor x = random_tensor({16, 32}, at::kBFloat16);
  const at::Tensor known = abs_max(x);
  EXPECT_EQ(known.item<double>(), largest(x));
  EXPECT_EQ(abs_max(at::empty({0, 16}, at::kBFloat16)).item<double>(), 0);
  const auto quantize = [&](const at::Tensor& abs_max) {
    return quantize_fp8(x, Fp8Format::e4m3, Fp8Tile::tensor, Fp8Parts::rows, abs_max).rows;
  };
  EXPECT_TRUE(quantize(known).bytes.view(at::kByte).equal(quantize({}).bytes.view(at::kByte)));
  EXPECT_EQ(quantize(known * 4).scales[0].item<double>(), quantize({}).scales[0].item<double>() * 4);
}

TEST(Fp8, ProducersTakeTheAbsMaxOnTheirWay) {
  expect_abs_max_of_producers(at::kCPU);
}

TEST(Fp8, ProducersQuantizeWhatTheyWouldWrite) {
  expect_fp8_of_producers(at::kCPU);
}

TEST(Fp8, ATileThatIsNotFiniteIsNan) {
  for (const double bad : {kNan, -kNan, kInfinity, -kInfinity}) {
    for (const Fp8Tile tile : kTiles) {
      const at::Tensor x = random_tensor({144, 272}, at::kBFloat16);
      x[3][200] = bad;
      const Fp8Matrix matrix = quantize_fp8(x, Fp8Format::e4m3, tile);
      const at::Tensor nan = dequantize(matrix.rows).isnan();
      const Sizes size = tile_sizes(tile, x);
      EXPECT_EQ(nan.sum().item<std::int64_t>(), std::min(size.height, std::int64_t{144}) * size.width);
      EXPECT_TRUE(nan[3][200].item<bool>());
      EXPECT_EQ(matrix.rows.bytes.view(at::kByte)[3][200].item<int>(), 0x7F);
      const Fp8Tile other = tile == Fp8Tile::tensor ? Fp8Tile::tensor : Fp8Tile::vector;
      const Fp8Matrix weight = quantize_fp8(random_tensor({16, 272}, at::kBFloat16), Fp8Format::e4m3, other);
      EXPECT_TRUE(linear(matrix, weight)[3].isnan().all().item<bool>());
    }
  }
}

TEST(Fp8, ProductsAreCloseToFp64) {
  for (const Fp8Recipe recipe : kRecipes)
    for (const Fp8Format gradients : kFormats)
      for (const auto& [tokens, in, out] : kFp8Shapes)
        expect_layer_products(recipe, gradients, tokens, in, out, at::kCPU);
}

TEST(Fp8, TakesMultiplesOfSixteen) {
  EXPECT_TRUE(fp8_takes(16, 48, 32));
  EXPECT_FALSE(fp8_takes(8, 48, 32));
  EXPECT_FALSE(fp8_takes(16, 40, 32));
  EXPECT_FALSE(fp8_takes(16, 48, 0));
  const auto quantize = [](std::int64_t rows, std::int64_t columns, Fp8Format format = Fp8Format::e4m3,
                           Fp8Tile tile = Fp8Tile::tensor) {
    return quantize_fp8(random_tensor({rows, columns}, at::kBFloat16), format, tile);
  };
  const Fp8Matrix x = quantize(16, 48);
  EXPECT_THROW(linear(x, quantize(24, 48)), core::Error);
  EXPECT_THROW(linear(x, quantize(32, 64)), core::Error);
  EXPECT_THROW(linear(x, quantize(32, 48, Fp8Format::e4m3, Fp8Tile::block)), core::Error) << "tensor with block";
  EXPECT_THROW(linear(quantize(16, 48, Fp8Format::e5m2), quantize(32, 48, Fp8Format::e5m2)), core::Error);
  EXPECT_THROW(linear(x, {}), core::Error);
  EXPECT_THROW(linear_weight_gradient(x, x, at::zeros({48, 48}, at::kFloat), 0.5), core::Error);
}

TEST(Fp8, RunsOnCpus) {
  for (const Fp8Recipe recipe : kRecipes) EXPECT_NO_THROW(require_fp8(at::kCPU, recipe));
}

}  // namespace
}  // namespace baleen::kernels::testing
