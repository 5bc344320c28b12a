#include "data/tokenizer.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/data/fixture.h"

namespace baleen::data {
namespace {

TEST(ByteTokenizer, RoundTripsEveryByte) {
  const auto tokenizer = make_tokenizer("bytes");
  EXPECT_EQ(tokenizer->vocab_size(), 257);
  EXPECT_EQ(tokenizer->end_of_text(), 256);
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  std::vector<TokenId> tokens = {42};
  tokenizer->encode(text, tokens);
  ASSERT_EQ(tokens.size(), 257u);
  EXPECT_EQ(tokens[0], 42) << "encode appends";
  EXPECT_EQ(tokens[256], 255);
  EXPECT_EQ(tokenizer->decode(std::span(tokens).subspan(1)), text);
}

TEST(ByteTokenizer, EndOfTextDecodesToNothing) {
  const auto tokenizer = make_tokenizer("bytes");
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{'a', 256, 'b'}), "ab");
}

TEST(ByteTokenizer, RefusesIdsOutsideItsVocabulary) {
  const auto tokenizer = make_tokenizer("bytes");
  for (const TokenId token : {-1, 257}) {
    const auto error = error_of([&] { tokenizer->decode(std::vector<TokenId>{token}); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), core::ExitCode::usage);
    EXPECT_THAT(error->what(), testing::HasSubstr(std::to_string(token)));
  }
}

TEST(MakeTokenizer, ListsTheKnownNames) {
  const auto error = error_of([] { make_tokenizer("byte"); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), core::ExitCode::usage);
  EXPECT_STREQ(error->what(), "unknown tokenizer \"byte\"");
  EXPECT_EQ(error->next_action(), "known tokenizers: bytes");
}

}  // namespace
}  // namespace baleen::data
