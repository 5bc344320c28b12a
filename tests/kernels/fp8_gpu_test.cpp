// FP8 on the GPU: quantized to the bits of the CPU, products as precise as they must be.

#include <gtest/gtest.h>

#include <limits>

#include "kernels/product_plans.h"
#include "tests/kernels/abs_max_cases.h"
#include "tests/kernels/fp8_producer_cases.h"
#include "tests/kernels/fp8_samples.h"

namespace baleen::kernels::testing {
namespace {

const at::Device kGpu(at::kCUDA, 0);

void expect_same_bits(const Fp8Operand& gpu, const Fp8Operand& cpu) {
  ASSERT_EQ(gpu.defined(), cpu.defined());
  if (!cpu.defined()) return;
  EXPECT_TRUE(gpu.bytes.to(at::kCPU).view(at::kByte).equal(cpu.bytes.view(at::kByte)));
  EXPECT_TRUE(gpu.scales.to(at::kCPU).view(at::kInt).equal(cpu.scales.view(at::kInt)));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(gpu.scales.const_data_ptr()) % 16, 0);
}

void expect_same_bits(const Fp8Matrix& gpu, const Fp8Matrix& cpu) {
  {
    SCOPED_TRACE("rows");
    expect_same_bits(gpu.rows, cpu.rows);
  }
  SCOPED_TRACE("transposed");
  expect_same_bits(gpu.transposed, cpu.transposed);
}

std::vector<at::Tensor> samples_with_bad_ones() {
  std::vector<at::Tensor> samples = fp8_samples();
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    samples.push_back(random_tensor({144, 272}, at::kBFloat16));
    samples.back()[130][7] = -bad;
  }
  return samples;
}

TEST(Fp8OnGpu, QuantizesToTheBitsOfTheCpu) {
  for (const at::Tensor& x : samples_with_bad_ones()) {
    EXPECT_TRUE(abs_max(x.to(kGpu)).to(at::kCPU).view(at::kInt).equal(abs_max(x).view(at::kInt))) << x.sizes();
    for (const Fp8Format format : kFormats) {
      for (const Fp8Tile tile : kTiles) {
        SCOPED_TRACE(::testing::Message()
                     << x.sizes() << " format " << static_cast<int>(format) << " tile " << static_cast<int>(tile));
        for (const Fp8Parts parts : {Fp8Parts::both, Fp8Parts::rows, Fp8Parts::transposed}) {
          const Fp8Matrix cpu = quantize_fp8(x, format, tile, parts);
          expect_same_bits(quantize_fp8(x.to(kGpu), format, tile, parts), cpu);
          expect_same_bits(quantize_fp8(in_strided_rows(x.to(kGpu)), format, tile, parts), cpu);
        }
      }
    }
  }
}

TEST(Fp8OnGpu, TheAbsMaxOfNothingIsZero) {
  EXPECT_EQ(abs_max(at::empty({0, 16}, at::TensorOptions(kGpu).dtype(at::kBFloat16))).item<double>(), 0);
}

TEST(Fp8OnGpu, TakesAnAbsMaxThatIsAlreadyKnown) {
  const at::Tensor x = random_tensor({144, 272}, at::kBFloat16), known = abs_max(x) * 3;
  expect_same_bits(quantize_fp8(x.to(kGpu), Fp8Format::e5m2, Fp8Tile::tensor, Fp8Parts::both, known.to(kGpu)),
                   quantize_fp8(x, Fp8Format::e5m2, Fp8Tile::tensor, Fp8Parts::both, known));
}

TEST(Fp8OnGpu, ProducersTakeTheAbsMaxOnTheirWay) {
  expect_abs_max_of_producers(kGpu);
}

TEST(Fp8OnGpu, ProducersQuantizeWhatTheyWouldWrite) {
  expect_fp8_of_producers(kGpu);
}

TEST(Fp8OnGpu, ProductsAreCloseToFp64) {
  for (const Fp8Recipe recipe : kRecipes) {
    require_fp8(kGpu, recipe);
    for (const Fp8Format gradients : kFormats) {
      SCOPED_TRACE(::testing::Message() << "recipe " << static_cast<int>(recipe) << " gradients "
                                        << static_cast<int>(gradients));
      for (const auto& [tokens, in, out] : kFp8Shapes) expect_layer_products(recipe, gradients, tokens, in, out, kGpu);
      expect_layer_products(recipe, gradients, 2048, 1024, 768, kGpu);
    }
  }
}

/// Same bytes, same scales: only sums and their rounding differ.
TEST(Fp8OnGpu, ProductsAreThoseOfTheCpu) {
  for (const Fp8Recipe recipe : kRecipes) {
    const auto quantize = [&](at::IntArrayRef sizes, unsigned int seed, Fp8Tile tile, at::Device device) {
      return quantize_fp8(random_tensor(sizes, at::kBFloat16, seed).to(device), Fp8Format::e4m3, tile);
    };
    const auto run = [&](at::Device device) {
      const Fp8Matrix x = quantize({144, 272}, 1, activation_tile(recipe), device);
      const Fp8Matrix weight = quantize({400, 272}, 2, weight_tile(recipe), device);
      const Fp8Matrix dy = quantize({144, 400}, 3, activation_tile(recipe), device);
      const at::Tensor gradient = at::empty({400, 272}, at::TensorOptions(device).dtype(at::kFloat));
      linear_weight_gradient(dy, x, gradient, 0);
      return std::array{linear(x, weight), linear_input_gradient(dy, weight), gradient};
    };
    const auto gpu = run(kGpu), cpu = run(at::kCPU);
    for (std::size_t i = 0; i < gpu.size(); ++i) {
      SCOPED_TRACE(i);
      expect_close(gpu[i].to(at::kCPU), cpu[i], 0x1p-8);
    }
  }
}

TEST(Fp8OnGpu, WhatIsNotFiniteReachesEveryProduct) {
  for (const Fp8Recipe recipe : kRecipes) {
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
      const at::Tensor values = random_tensor({128, 256}, at::kBFloat16);
      values[5][9] = bad;
      const Fp8Matrix dy = quantize_fp8(values.to(kGpu), Fp8Format::e5m2, activation_tile(recipe));
      const auto good = [&](std::int64_t rows, std::int64_t columns, Fp8Tile tile) {
        return quantize_fp8(random_tensor({rows, columns}, at::kBFloat16).to(kGpu), Fp8Format::e4m3, tile);
      };
      const at::Tensor gradient = at::empty({256, 64}, at::TensorOptions(kGpu).dtype(at::kFloat));
      linear_weight_gradient(dy, good(128, 64, activation_tile(recipe)), gradient, 0);
      EXPECT_TRUE(gradient[9].isnan().all().item<bool>());
      EXPECT_TRUE(linear_input_gradient(dy, good(256, 64, weight_tile(recipe)))[5].isnan().all().item<bool>());
    }
  }
}

TEST(Fp8OnGpu, PlansAreMeasuredAndUsed) {
  const auto compute = [] {
    for (const Fp8Recipe recipe : kRecipes) expect_layer_products(recipe, Fp8Format::e4m3, 528, 336, 720, kGpu);
  };
  use_product_plans("", kGpu);
  compute();
  const std::string products = unplanned_products(kGpu);
  EXPECT_NE(products.find(" 720 "), std::string::npos) << products;
  const std::string plans = plan_products(products, kGpu);
  EXPECT_EQ(std::count(plans.begin(), plans.end(), '\n'), std::count(products.begin(), products.end(), '\n'));
  use_product_plans(plans, kGpu);
  compute();
  EXPECT_EQ(unplanned_products(kGpu), "");
}

}  // namespace
}  // namespace baleen::kernels::testing
