#include <gmock/gmock.h>

#include <thread>

#include "data/dataset_file.h"
#include "data/dataset_format.h"
#include "data/token_dataset.h"
#include "data/tokenizer.h"
#include "tests/data/fixture.h"

namespace baleen::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Dataset, ReadsBackWhatWasWritten) {
  const tests::TemporaryFolder folder;
  const DatasetInfo written = write_dataset(folder / "d.h5", {{1, 2, 3}, {4}, {5, 6}});
  EXPECT_THAT(files_in(folder.path()), ElementsAre("d.h5")) << "no temporaries stay";

  const TokenDataset dataset = TokenDataset::open(folder / "d.h5");
  for (const DatasetInfo& info : {written, dataset.info(), read_dataset_info(folder / "d.h5")}) {
    EXPECT_EQ(info.path, folder / "d.h5");
    EXPECT_EQ(info.tokenizer, "bytes");
    EXPECT_EQ(info.vocab_size, 257);
    EXPECT_EQ(info.end_of_text, 256);
    EXPECT_EQ(info.tokens, 9);
    EXPECT_EQ(info.documents, 3);
    EXPECT_EQ(info.dtype, core::DType::u16);
  }
  EXPECT_THAT(dataset.document_offsets(), ElementsAre(0, 4, 6, 9));
  std::vector<std::int64_t> wide(9);
  std::vector<TokenId> narrow(3);
  dataset.read(0, std::span(wide));
  dataset.read(4, std::span(narrow));
  EXPECT_THAT(wide, ElementsAre(1, 2, 3, 256, 4, 256, 5, 6, 256));
  EXPECT_THAT(narrow, ElementsAre(4, 256, 5));
  ASSERT_EQ(dataset.digests().size(), 1u);
  dataset.verify_block(0);
}

TEST(Dataset, ContentDigestsTellTokensAndDocumentsApart) {
  const tests::TemporaryFolder folder;
  write_dataset(folder / "a.h5", {{1, 2, 3}, {4}});
  write_dataset(folder / "copy.h5", {{1, 2, 3}, {4}});
  write_dataset(folder / "tokens.h5", {{1, 2, 5}, {4}});
  write_dataset(folder / "documents.h5", {{1, 2, 3, 256, 4}});
  const core::Digest digest = TokenDataset::content_digest(folder / "a.h5");
  EXPECT_EQ(TokenDataset::content_digest(folder / "copy.h5"), digest);
  for (const char* other : {"tokens.h5", "documents.h5"})
    EXPECT_NE(TokenDataset::content_digest(folder / other).hex(), digest.hex()) << other;
}

TEST(Dataset, ChoosesTheDTypeByTheVocabulary) {
  const tests::TemporaryFolder folder;
  EXPECT_EQ(write_dataset(folder / "a.h5", {{65534}}, 65536).dtype, core::DType::u16);
  EXPECT_EQ(write_dataset(folder / "b.h5", {{65535}}, 65537).dtype, core::DType::u32);
  std::vector<TokenId> tokens(2);
  TokenDataset::open(folder / "a.h5").read(0, std::span(tokens));
  EXPECT_THAT(tokens, ElementsAre(65534, 65535));
  TokenDataset::open(folder / "b.h5").read(0, std::span(tokens));
  EXPECT_THAT(tokens, ElementsAre(65535, 65536));
}

constexpr std::int64_t kBlockTokens = kDigestBlockBytes / 4;

/// Two digest blocks of 32-bit tokens, the second not full: token i is i % 99991, the last one end-of-text. Written in
/// pieces that do not divide anything. Returns the number of tokens.
std::int64_t write_two_blocks(const std::filesystem::path& path) {
  TokenWriter writer(path, {"bytes", 100'000, 99'999, false});
  std::vector<TokenId> piece(77'777);
  for (TokenId next = 0; writer.tokens() < kBlockTokens + 12345;) {
    for (TokenId& token : piece) token = next++ % 99'991;
    writer.append(piece);
  }
  writer.end_document();
  const std::int64_t tokens = writer.tokens();
  EXPECT_EQ(writer.commit().tokens, tokens);
  return tokens;
}

/// Token `index` of a closed dataset becomes another of the vocabulary; a second call takes it back.
void flip_token(const std::filesystem::path& path, std::int64_t index) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  const std::int64_t at = read_layout(path).tokens.address + 4 * index;
  file.seekg(at);
  const char flipped = static_cast<char>(file.get() ^ 1);
  file.seekp(at);
  file.put(flipped);
  ASSERT_TRUE(file.good());
}

TEST(Dataset, HoldsMoreThanOneBlock) {
  const tests::TemporaryFolder folder;
  write_two_blocks(folder / "big.h5");
  const TokenDataset dataset = TokenDataset::open(folder / "big.h5");
  ASSERT_EQ(dataset.digests().size(), 2u);
  dataset.verify_block(0);
  dataset.verify_block(1);
  std::vector<std::int64_t> window(1000);
  const std::int64_t first = kBlockTokens - 500;
  dataset.read(first, std::span(window));
  for (std::int64_t i = 0; i < 1000; ++i) ASSERT_EQ(window[static_cast<std::size_t>(i)], (first + i) % 99'991);
}

// Each token belongs to the digest of one block, the last token of the last block too, which is not full.
TEST(Dataset, DamageIsFoundInItsBlock) {
  const tests::TemporaryFolder folder;
  const std::int64_t tokens = write_two_blocks(folder / "big.h5");
  for (const std::int64_t index : {std::int64_t{0}, kBlockTokens - 1, kBlockTokens, tokens - 1}) {
    flip_token(folder / "big.h5", index);
    const TokenDataset dataset = TokenDataset::open(folder / "big.h5");
    ASSERT_EQ(dataset.digests().size(), 2u);
    for (const std::int64_t block : {0, 1}) {
      const auto error = error_of([&] { dataset.verify_block(block); });
      ASSERT_EQ(error.has_value(), block == index / kBlockTokens) << "token " << index << ", block " << block;
      if (!error) continue;
      EXPECT_EQ(error->code(), core::ExitCode::usage);
      EXPECT_THAT(error->what(), HasSubstr("block " + std::to_string(block) + " of 2 \"tokens\" has digest"));
    }
    flip_token(folder / "big.h5", index);
  }
}

TEST(Dataset, AnUncommittedWriterLeavesNothing) {
  const tests::TemporaryFolder folder;
  {
    TokenWriter writer(folder / "d.h5", {"bytes", 257, 256, false});
    writer.append(std::vector<TokenId>(3'000'000, 7));
    EXPECT_FALSE(std::filesystem::exists(folder / "d.h5"));
  }
  EXPECT_THAT(files_in(folder.path()), ElementsAre());
}

TEST(Dataset, ReplacesOnlyWhenTold) {
  const tests::TemporaryFolder folder;
  write_dataset(folder / "d.h5", {{1}});
  const auto error = error_of([&] { write_dataset(folder / "d.h5", {{2}}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), core::ExitCode::usage);
  EXPECT_THAT(error->next_action(), HasSubstr("--force"));
  {
    TokenWriter writer(folder / "d.h5", {"bytes", 257, 256, true});
    writer.append(std::vector<TokenId>{2});
    writer.end_document();
    EXPECT_EQ(TokenDataset::open(folder / "d.h5").info().tokens, 2) << "the old one stands until commit";
    writer.append(std::vector<TokenId>{3, 4});
    writer.end_document();
    writer.commit();
  }
  EXPECT_EQ(TokenDataset::open(folder / "d.h5").info().tokens, 5);
}

TEST(Dataset, HasOneWriterAtATime) {
  const tests::TemporaryFolder folder;
  TokenWriter first(folder / "d.h5", {"bytes", 257, 256, false});
  const auto error = error_of([&] { TokenWriter second(folder / "d.h5", {"bytes", 257, 256, false}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), core::ExitCode::busy);
  first.append(std::vector<TokenId>{1});
  first.end_document();
  EXPECT_EQ(first.commit().tokens, 2) << "the refused one has taken nothing away";
}

TEST(Dataset, KeepsItsPromises) {
  const tests::TemporaryFolder folder;
  TokenWriter writer(folder / "d.h5", {"bytes", 257, 256, false});
  const auto broken = [](const auto& action) {
    const auto error = error_of(action);
    return error && error->code() == core::ExitCode::internal;
  };
  EXPECT_TRUE(broken([&] { writer.commit(); })) << "no document";
  EXPECT_TRUE(broken([&] { writer.append(std::vector<TokenId>{257}); }));
  EXPECT_TRUE(broken([&] { writer.append(std::vector<TokenId>{-1}); }));
  writer.append(std::vector<TokenId>{1});
  EXPECT_TRUE(broken([&] { writer.commit(); })) << "an open document";
  writer.end_document();
  writer.commit();
  const TokenDataset dataset = TokenDataset::open(folder / "d.h5");
  std::vector<TokenId> tokens(2);
  EXPECT_TRUE(broken([&] { dataset.read(1, std::span(tokens)); }));
  EXPECT_TRUE(broken([&] { dataset.read(-1, std::span(tokens)); }));
}

TEST(Dataset, CopiesShareTheMappingAcrossThreads) {
  const tests::TemporaryFolder folder;
  write_dataset(folder / "d.h5", numbered_documents(500, 30));
  std::vector<std::thread> threads;
  {
    const TokenDataset dataset = TokenDataset::open(folder / "d.h5");
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([dataset, &folder] {
        std::vector<std::int64_t> tokens(100);
        for (int i = 0; i < 100; ++i) dataset.read(i, std::span(tokens));
        EXPECT_EQ(read_dataset_info(folder / "d.h5").documents, 500) << "HDF5 takes turns";
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(DatasetDeathTest, CutWhileInUseEndsWithAMessageAndTheCodeForStorage) {
  const tests::TemporaryFolder folder;
  write_dataset(folder / "d.h5", numbered_documents(500, 30));
  write_dataset(folder / "other.h5", numbered_documents(500, 30));
  const TokenDataset other = TokenDataset::open(folder / "other.h5");
  const TokenDataset dataset = TokenDataset::open(folder / "d.h5");
  std::filesystem::resize_file(folder / "d.h5", 4096);
  std::vector<TokenId> tokens(100);
  other.read(other.info().tokens - 100, std::span(tokens));
  EXPECT_EXIT(dataset.read(dataset.info().tokens - 100, std::span(tokens)),
              testing::ExitedWithCode(static_cast<int>(core::ExitCode::storage)),
              "^baleen: .*/d.h5 became shorter while it was in use: .*\n  put back the file .* --resume\n$");
}

}  // namespace
}  // namespace baleen::data
