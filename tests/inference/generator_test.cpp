#include "inference/generator.h"

#include <ATen/ops/arange.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "tests/inference/small_model.h"

namespace baleen::inference {
namespace {

using data::TokenId;
constexpr TokenId kEndOfText = 60;
const std::vector<TokenId> kPrompt{5, 17, 3, 42, 8, 8, 21};

struct Text {
  std::vector<TokenId> tokens;
  Generation end;
};

Text continue_text(models::TransformerStage& stage, const std::vector<TokenId>& prompt,
                   const GenerationOptions& options, std::int64_t vocab_size = 61, TokenId end_of_text = kEndOfText) {
  Generator generator(stage, vocab_size, end_of_text);
  Text text;
  text.end = generator.generate(prompt, options, [&](TokenId token) { text.tokens.push_back(token); });
  EXPECT_EQ(text.end.tokens, static_cast<std::int64_t>(text.tokens.size()));
  return text;
}

GenerationOptions greedy(std::int64_t max_tokens = 30) {
  GenerationOptions options;
  options.max_tokens = max_tokens;
  options.sampling.temperature = 0;
  return options;
}

class EveryPrecision : public ::testing::TestWithParam<at::ScalarType> {};
INSTANTIATE_TEST_SUITE_P(Types, EveryPrecision, ::testing::Values(at::kDouble, at::kFloat),
                         [](const auto& type) { return std::string(at::toString(type.param)); });

TEST_P(EveryPrecision, GreedyTextIsTheSameWithAndWithoutTheCache) {
  models::ModelConfig config = tests::small_config();
  for (const bool variant : {false, true}) {
    config.qk_norm = config.qkv_bias = config.tie_embeddings = variant;
    const auto stage = tests::small_model(GetParam(), config);
    GenerationOptions options = greedy();
    const Text cached = continue_text(*stage, kPrompt, options);
    options.use_cache = false;
    const Text plain = continue_text(*stage, kPrompt, options);
    EXPECT_EQ(cached.tokens, plain.tokens);
    EXPECT_EQ(cached.end.reason, plain.end.reason);
    EXPECT_GT(std::set<TokenId>(cached.tokens.begin(), cached.tokens.end()).size(), 3u) << "the text says something";
  }
}

// Stronger than equal tokens: however the prompt is cut into appends, the last logits are those of one pass.
TEST_P(EveryPrecision, LogitsDoNotDependOnHowTheCacheWasFilled) {
  const auto stage = tests::small_model(GetParam());
  const std::int64_t count = static_cast<std::int64_t>(kPrompt.size());
  const auto batch_of = [&](std::int64_t first, std::int64_t end, models::KvCache* cache) {
    models::Batch batch;
    batch.tokens = at::arange(count, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) batch.tokens[i] = kPrompt[static_cast<std::size_t>(i)];
    batch.tokens = batch.tokens.narrow(0, first, end - first);
    batch.positions = at::arange(first, end, at::kLong);
    batch.bounds = kernels::make_bounds({0, static_cast<std::int32_t>(end - first)}, at::kCPU);
    const auto keys = kernels::make_bounds({0, static_cast<std::int32_t>(end)}, at::kCPU);
    batch.bounds.key_starts = keys.key_starts;
    batch.bounds.key_starts_device = keys.key_starts_device;
    batch.bounds.max_key = keys.max_key;
    batch.cache = cache;
    return stage->logits(batch, models::TransformerStage::Rows::all);
  };
  const at::Tensor whole = batch_of(0, count, nullptr);
  for (std::int64_t cut = 1; cut < count; ++cut) {
    GrowingKvCache cache(stage->config().layers, count, 2);
    const at::Tensor head = batch_of(0, cut, &cache), tail = batch_of(cut, count, &cache);
    const double tolerance = (GetParam() == at::kDouble ? 1e-13 : 1e-5) * whole.abs().max().item<double>();
    EXPECT_LE(head.sub(whole.narrow(0, 0, cut)).abs().max().item<double>(), tolerance);
    EXPECT_LE(tail.sub(whole.narrow(0, cut, count - cut)).abs().max().item<double>(), tolerance);
  }
}

TEST(Generator, TheSameSeedGivesTheSameTextAndAnotherSeedAnother) {
  const auto stage = tests::small_model(at::kFloat);
  GenerationOptions options;
  options.max_tokens = 30;
  const Text first = continue_text(*stage, kPrompt, options, 60, kEndOfText);
  EXPECT_EQ(first.tokens, continue_text(*stage, kPrompt, options, 60, kEndOfText).tokens);
  options.sampling.seed = 43;
  EXPECT_NE(first.tokens, continue_text(*stage, kPrompt, options, 60, kEndOfText).tokens);
}

TEST(Generator, OneGeneratorForgetsTheLastText) {
  const auto stage = tests::small_model(at::kFloat);
  Generator generator(*stage, 61, kEndOfText);
  const auto run = [&](const std::vector<TokenId>& prompt) {
    std::vector<TokenId> tokens;
    generator.generate(prompt, greedy(10), [&](TokenId token) { tokens.push_back(token); });
    return tokens;
  };
  const auto first = run(kPrompt);
  run({1, 2, 3});
  EXPECT_EQ(run(kPrompt), first);
}

TEST(Generator, StopsAfterMaxTokens) {
  const auto stage = tests::small_model(at::kFloat);
  const Text text = continue_text(*stage, kPrompt, greedy(4), 60, kEndOfText);  // end-of-text cannot come
  EXPECT_EQ(text.tokens.size(), 4u);
  EXPECT_EQ(text.end.reason, StopReason::max_tokens);
  EXPECT_TRUE(continue_text(*stage, kPrompt, greedy(0)).tokens.empty());
}

TEST(Generator, StopsAtEndOfTextWithoutHandingItOn) {
  const auto stage = tests::small_model(at::kFloat);
  const Text text = continue_text(*stage, kPrompt, greedy(20), 60, kEndOfText);
  const TokenId third = text.tokens.at(2);
  const auto first_place = std::find(text.tokens.begin(), text.tokens.end(), third) - text.tokens.begin();
  const Text stopped = continue_text(*stage, kPrompt, greedy(20), 60, third);
  EXPECT_EQ(stopped.end.reason, StopReason::end_of_text);
  EXPECT_EQ(stopped.tokens, std::vector<TokenId>(text.tokens.begin(), text.tokens.begin() + first_place));
}

TEST(Generator, StopsWhereTheContextIsFull) {
  const auto stage = tests::small_model(at::kFloat);
  for (const bool use_cache : {true, false}) {
    GenerationOptions options = greedy(1000);
    options.use_cache = use_cache;
    const Text text = continue_text(*stage, kPrompt, options, 60, kEndOfText);
    EXPECT_EQ(text.end.reason, StopReason::context_full);
    // Positions 0 to 39 are seen; the last of them still predicts a token.
    EXPECT_EQ(text.tokens.size() + kPrompt.size(), 41u);
  }
  const Text full = continue_text(*stage, std::vector<TokenId>(40, 9), greedy(1000), 60, kEndOfText);
  EXPECT_EQ(full.tokens.size(), 1u);
}

TEST(Generator, AnEmptyPromptStartsAfterEndOfText) {
  const auto stage = tests::small_model(at::kFloat);
  EXPECT_EQ(continue_text(*stage, {}, greedy()).tokens, continue_text(*stage, {kEndOfText}, greedy()).tokens);
}

TEST(Generator, NeverChoosesAnIdThatTheTokenizerDoesNotKnow) {
  const auto stage = tests::small_model(at::kFloat);
  GenerationOptions options;
  options.sampling.temperature = 5;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    options.sampling.seed = seed;
    EXPECT_THAT(continue_text(*stage, {1}, options, 7, 6).tokens, ::testing::Each(::testing::Lt(7)));
  }
}

TEST(Generator, SaysWhatIsWrongWithAPrompt) {
  const auto stage = tests::small_model(at::kFloat);
  const auto message_of = [&](const std::vector<TokenId>& prompt) -> std::string {
    try {
      continue_text(*stage, prompt, greedy(1));
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::usage);
      EXPECT_FALSE(error.next_action().empty());
      return error.what();
    }
    return "fine";
  };
  EXPECT_EQ(message_of(std::vector<TokenId>(40, 1)), "fine");
  EXPECT_EQ(message_of(std::vector<TokenId>(41, 1)), "the prompt has 41 tokens, the model's context 40");
  EXPECT_EQ(message_of({1, 61}), "the prompt has token 61, the vocabulary ends at 60");
  EXPECT_EQ(message_of({-1}), "the prompt has token -1, the vocabulary ends at 60");
}

TEST(Generator, RefusesATokenizerLargerThanTheModel) {
  const auto stage = tests::small_model(at::kFloat);
  EXPECT_THROW(Generator(*stage, 62, kEndOfText), core::Error);
}

}  // namespace
}  // namespace baleen::inference
