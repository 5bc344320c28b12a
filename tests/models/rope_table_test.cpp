#include "models/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

/// Frequency of pair i, read back from the table's first step.
double frequency(const models::RopeTable& table, std::int64_t i) {
  return std::atan2(table.sin[1][i].item<double>(), table.cos[1][i].item<double>());
}

models::ModelConfig llama31() {
  models::ModelConfig config;
  config.heads = config.kv_heads = 1;
  config.dim = 128;
  config.rope_theta = 500000.0;
  config.rope_factor = 8.0;
  config.max_sequence_length = 16;
  return config;
}

TEST(RopeTable, LinearScalingDividesAllFrequencies) {
  models::ModelConfig config = llama31();
  const models::RopeTable plain = models::make_rope_table(config, at::kDouble, at::kCPU);
  config.rope_scaling = models::RopeScaling::linear;
  const models::RopeTable linear = models::make_rope_table(config, at::kDouble, at::kCPU);
  for (const std::int64_t i : {0, 1, 31, 63}) {
    EXPECT_NEAR(frequency(plain, i), std::pow(500000.0, -static_cast<double>(i) / 64), 1e-15);
    EXPECT_NEAR(frequency(linear, i), frequency(plain, i) / 8, 1e-15);
  }
}

TEST(RopeTable, Llama3ScalingKeepsHighAndStretchesLowFrequencies) {
  models::ModelConfig config = llama31();
  const models::RopeTable plain = models::make_rope_table(config, at::kDouble, at::kCPU);
  config.rope_scaling = models::RopeScaling::llama3;
  const models::RopeTable scaled = models::make_rope_table(config, at::kDouble, at::kCPU);
  EXPECT_EQ(frequency(scaled, 0), frequency(plain, 0));
  EXPECT_EQ(frequency(scaled, 20), frequency(plain, 20));  // wavelength 380, under 8192 / 4
  EXPECT_NEAR(frequency(scaled, 63), frequency(plain, 63) / 8, 1e-15);
  EXPECT_NEAR(frequency(scaled, 40), frequency(plain, 40) / 8, 1e-15);  // wavelength 22,915, over 8192
  const double between = frequency(scaled, 32) / frequency(plain, 32);  // wavelength 4443
  const double kept = (8192 * frequency(plain, 32) / (2 * M_PI) - 1) / 3;
  EXPECT_NEAR(between, kept + (1 - kept) / 8, 1e-12);
}

TEST(RopeTable, IsKeptInFp32ButForFp64) {
  const models::ModelConfig config = llama31();
  EXPECT_EQ(models::make_rope_table(config, at::kBFloat16, at::kCPU).cos.scalar_type(), at::kFloat);
  EXPECT_EQ(models::make_rope_table(config, at::kFloat, at::kCPU).cos.scalar_type(), at::kFloat);
  const models::RopeTable wide = models::make_rope_table(config, at::kDouble, at::kCPU);
  EXPECT_EQ(wide.sin.sizes(), (at::IntArrayRef{16, 64}));
  EXPECT_EQ(wide.cos[0].min().item<double>(), 1.0);
}

}  // namespace
}  // namespace baleen::tests
