#include "data/tokenize.h"

#include <gmock/gmock.h>

#include <random>

#include "data/token_dataset.h"
#include "tests/data/fixture.h"

namespace baleen::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Tokenize : public testing::Test {
 protected:
  TokenizeOptions options(const std::vector<std::string>& inputs) const {
    TokenizeOptions result;
    for (const std::string& input : inputs) result.inputs.push_back(folder_ / input);
    result.output = folder_ / "out.h5";
    result.overwrite = true;
    return result;
  }

  TokenizeResult run(const TokenizeOptions& with) const {
    return tokenize_files(*tokenizer_, with, [](std::int64_t) {});
  }

  /// The documents of out.h5 as text.
  std::vector<std::string> documents() const {
    const TokenDataset dataset = TokenDataset::open(folder_ / "out.h5");
    const auto offsets = dataset.document_offsets();
    std::vector<std::string> texts;
    for (std::size_t d = 0; d + 1 < offsets.size(); ++d) {
      std::vector<TokenId> tokens(offsets[d + 1] - offsets[d]);
      dataset.read(static_cast<std::int64_t>(offsets[d]), std::span(tokens));
      EXPECT_EQ(tokens.back(), 256);
      texts.push_back(tokenizer_->decode(tokens));
    }
    return texts;
  }

  std::string message(const TokenizeOptions& with) const {
    const auto error = error_of([&] { run(with); });
    EXPECT_TRUE(error && error->code() == core::ExitCode::usage && !error->next_action().empty());
    return error ? error->what() : "";
  }

  tests::TemporaryFolder folder_;
  std::unique_ptr<const Tokenizer> tokenizer_ = make_tokenizer("bytes");
};

TEST_F(Tokenize, MakesADocumentOfEachTextFileInOrder) {
  write_file(folder_ / "b.txt", "second \xE2\x82\xAC");
  write_file(folder_ / "a.txt", "first\r\n");
  const TokenizeResult result = run(options({"a.txt", "b.txt"}));
  EXPECT_THAT(documents(), ElementsAre("first\r\n", "second \xE2\x82\xAC"));
  EXPECT_EQ(result.input_bytes, 17);
  EXPECT_EQ(result.dataset.tokens, 19);
}

TEST_F(Tokenize, DoesNotDependOnThreadsOrPieces) {
  std::mt19937 random(1);
  const std::vector<std::string> letters = {"a", "\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
  std::string text, lines;
  std::vector<std::string> expected;
  for (int i = 0; i < 5000; ++i) text += letters[random() % letters.size()];
  for (int i = 0; i < 300; ++i) {
    expected.push_back(std::string(1 + random() % 40, static_cast<char>('a' + i % 26)));
    lines += "{\"text\": \"" + expected.back() + "\"}\n";
  }
  write_file(folder_ / "t.txt", text);
  write_file(folder_ / "l.jsonl", lines);
  expected.insert(expected.begin(), text);
  for (const int threads : {1, 2, 5}) {
    for (const std::int64_t piece_bytes : {1, 2, 3, 7, 64, 1000, 1 << 20}) {
      TokenizeOptions with = options({"t.txt", "l.jsonl"});
      with.threads = threads;
      with.piece_bytes = piece_bytes;
      run(with);
      ASSERT_EQ(documents(), expected) << threads << " threads, pieces of " << piece_bytes;
    }
  }
}

TEST_F(Tokenize, ReadsJsonlAsPeopleWriteIt) {
  write_file(folder_ / "a.jsonl",
             "{\"text\": \"one\\n\\u00e9\"}\r\n\n  \t\n{\"id\": 3, \"text\": \"two\"}\n{\"text\": \"\"}\n{\"text\": "
             "\"last\"}");
  const TokenizeResult result = run(options({"a.jsonl"}));
  EXPECT_THAT(documents(), ElementsAre("one\n\xC3\xA9", "two", "last"));
  EXPECT_EQ(result.empty_documents, 1);
}

TEST_F(Tokenize, TakesTheFormatFromTheNameUnlessTold) {
  write_file(folder_ / "a.ndjson", "{\"body\": \"x\"}\n");
  TokenizeOptions with = options({"a.ndjson"});
  with.text_key = "body";
  run(with);
  EXPECT_THAT(documents(), ElementsAre("x"));
  with.format = TextFormat::text;
  run(with);
  EXPECT_THAT(documents(), ElementsAre("{\"body\": \"x\"}\n"));
}

TEST_F(Tokenize, CountsItsProgress) {
  write_file(folder_ / "a.txt", std::string(1000, 'x'));
  TokenizeOptions with = options({"a.txt"});
  with.piece_bytes = 100;
  EXPECT_EQ(total_input_bytes(with), 1000);
  std::int64_t done = 0, calls = 0;
  tokenize_files(*tokenizer_, with, [&](std::int64_t bytes) { done += bytes, ++calls; });
  EXPECT_EQ(done, 1000);
  EXPECT_GE(calls, 10);
}

TEST_F(Tokenize, NamesTheByteOfBadUtf8AcrossPieces) {
  write_file(folder_ / "a.txt", std::string(1000, 'x') + "\xE2\x82" + "y");
  for (const std::int64_t piece_bytes : {1, 7, 1001, 5000}) {
    TokenizeOptions with = options({"a.txt"});
    with.piece_bytes = piece_bytes;
    EXPECT_THAT(message(with), HasSubstr("a.txt: not valid UTF-8 at byte 1000"));
  }
  write_file(folder_ / "cut.txt", "abc\xE2\x82");
  EXPECT_THAT(message(options({"cut.txt"})), HasSubstr("not valid UTF-8 at byte 3"));
}

TEST_F(Tokenize, NamesTheLineOfBadJsonAcrossPieces) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "{\"text\": \"abc\"}\n";
  write_file(folder_ / "a.jsonl", lines + "{\"text\": \"abc\n" + lines);
  for (const std::int64_t piece_bytes : {1, 50, 5000}) {
    TokenizeOptions with = options({"a.jsonl"});
    with.piece_bytes = piece_bytes;
    with.threads = 3;
    EXPECT_THAT(message(with), HasSubstr("a.jsonl:101: broken JSON at column"));
  }
}

TEST_F(Tokenize, BoundsTheLengthOfALine) {
  write_file(folder_ / "a.jsonl", "{\"text\": \"ok\"}\n{\"text\": \"" + std::string(5000, 'x') + "\"}\n");
  TokenizeOptions with = options({"a.jsonl"});
  with.piece_bytes = 100;
  with.max_line_bytes = 1000;
  EXPECT_THAT(message(with), HasSubstr("a.jsonl:2: the line is longer than 1000 bytes"));
  with.max_line_bytes = 10'000;
  run(with);
  EXPECT_EQ(documents().size(), 2u);
}

TEST_F(Tokenize, LeavesNothingAfterAnError) {
  write_file(folder_ / "a.txt", std::string(1 << 20, 'x') + "\xFF");
  TokenizeOptions with = options({"a.txt"});
  with.piece_bytes = 1000;
  message(with);
  EXPECT_THAT(files_in(folder_.path()), ElementsAre("a.txt"));
}

}  // namespace
}  // namespace baleen::data
