// BF16 and FP16: the model may be off from FP64 by at most 2 times (logits) or 3 times (gradients) what the textbook
// computed in the same type is (design: numerics).

#include <gtest/gtest.h>

#include "tests/models/tiny_model.h"

namespace baleen::tests {
namespace {

class HalfPrecision : public testing::TestWithParam<at::ScalarType> {};

TEST_P(HalfPrecision, IsAsGoodAsThePlainComputation) {
  models::ModelConfig config = tiny_config();
  config.qkv_bias = config.qk_norm = true;
  config.dim = 64;
  config.ffn_dim = 96;
  config.max_sequence_length = 64;
  models::TransformerStage stage(config, unit_options(GetParam()), {});
  randomize(stage, 13);
  NamedTensors values;  // as rounded for the computation
  for (const auto& [name, value] : master_values(stage)) values[name] = value.to(GetParam());

  const ReferenceBatch tokens = random_tokens(config, {40, 24}, 14);
  const ReferenceLlama exact(config, values), plain(config, values, GetParam());
  const double loss = train_step(stage, {to_batch(tokens)});
  const double exact_loss = exact.loss(tokens, 0.0).item<double>();
  EXPECT_NEAR(loss, exact_loss, 2e-3 * exact_loss);

  const auto logits = stage.logits(to_batch(tokens), models::TransformerStage::Rows::all);
  EXPECT_LT(relative_error(logits, exact.logits(tokens)),
            2 * relative_error(plain.logits(tokens), exact.logits(tokens)));

  const NamedTensors actual = gradients(stage), expected = exact.gradients(exact.loss(tokens, 0.0)),
                     rounded = plain.gradients(plain.loss(tokens, 0.0));
  for (const auto& [name, gradient] : expected) {
    EXPECT_LT(relative_error(actual.at(name), gradient), 3 * relative_error(rounded.at(name), gradient)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, HalfPrecision, testing::Values(at::kBFloat16, at::kHalf),
                         [](const auto& one) { return one.param == at::kHalf ? "fp16" : "bf16"; });

}  // namespace
}  // namespace baleen::tests
