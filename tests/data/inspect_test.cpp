// `baleen data inspect`: what it prints of a good dataset, and the message and exit code for every kind of bad one.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <hdf5.h>
#include <sys/file.h>

#include "core/file_descriptor.h"
#include "tests/data/command.h"
#include "tests/data/damaged_dataset.h"

namespace baleen::data {
namespace {

using core::ExitCode;
using testing::HasSubstr;
using Layout = DamagedDataset::Layout;
using Type = DamagedDataset::Type;

constexpr const char* kMakeOne = "make a dataset from text with `baleen data tokenize`";
constexpr const char* kMakeAgain = "restore the file from a copy or make it again with `baleen data tokenize`";

class Inspect : public testing::Test {
 protected:
  Outcome inspect() const { return run_data({"inspect", file_.string()}); }
  Outcome verify() const { return run_data({"inspect", file_.string(), "--verify"}); }
  void expect_damaged(const std::string& what) const {
    expect_refused(inspect(), ExitCode::usage, {file_.string(), what, kMakeAgain});
  }

  tests::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "d.h5";
};

TEST_F(Inspect, PrintsWhatADatasetHolds) {
  std::vector<TokenId> text;
  for (const char c : std::string("Tea\nat \xE2\x82\xAC 5\x1B[31m")) text.push_back(static_cast<unsigned char>(c));
  write_dataset(file_, {text, {'x'}});
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "") << "no progress bar without a terminal";
  for (const char* part :
       {"bytes, vocabulary 257, end-of-text 256", "tokens      20, uint16", "documents   2, of 2 to 18",
        "digests     1", "verified    every digest fits", "tokens 0 to 19:"}) {
    EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  EXPECT_THAT(outcome.out, HasSubstr("Tea\\nat \xE2\x82\xAC 5\\x1b[31m<end-of-text>x<end-of-text>"));
}

TEST_F(Inspect, ShowsAsManyWindowsAsAsked) {
  write_dataset(file_, {std::vector<TokenId>(1000, 'a')});
  const auto windows = [&](const char* count) {
    const std::string out = run_data({"inspect", file_.string(), "--windows", count, "--tokens", "100"}).out;
    int found = 0;
    for (std::size_t at = out.find("\ntokens "); at != std::string::npos; at = out.find("\ntokens ", at + 1)) ++found;
    return found - 1;  // the summary has such a line too
  };
  EXPECT_EQ(windows("0"), 0);
  EXPECT_EQ(windows("4"), 4);
  EXPECT_EQ(windows("50"), 10) << "all there are";
}

TEST_F(Inspect, MissingFile) {
  expect_refused(inspect(), ExitCode::usage, {"there is no dataset " + file_.string(), "check the path"});
}

TEST_F(Inspect, Folder) {
  file_ = folder_.path();
  expect_refused(inspect(), ExitCode::usage, {"is a folder; expected a dataset file"});
}

TEST_F(Inspect, UnreadablePath) {
  std::filesystem::create_symlink(file_, file_);
  expect_refused(inspect(), ExitCode::usage, {"cannot open " + file_.string(), "check the path"});
  write_file(folder_ / "file", "x");
  file_ = folder_ / "file" / "d.h5";
  expect_refused(inspect(), ExitCode::usage, {"cannot open " + file_.string(), "check the path"});
}

TEST_F(Inspect, EmptyFile) {
  write_file(file_, "");
  expect_refused(inspect(), ExitCode::usage, {"is empty (0 bytes); expected a dataset file", kMakeOne});
}

TEST_F(Inspect, Text) {
  write_file(file_, "It is a truth universally acknowledged");
  expect_refused(inspect(), ExitCode::usage, {"is not an HDF5 file; expected a dataset file", kMakeOne});
}

TEST_F(Inspect, TruncatedHdf5) {
  write_dataset(file_, numbered_documents(50, 20));
  for (const std::uintmax_t size : {20u, 100u, 1000u, 3000u}) {
    std::filesystem::resize_file(file_, size);
    expect_damaged("is truncated or damaged: HDF5 says");
    write_dataset(folder_ / "again.h5", numbered_documents(50, 20));
    std::filesystem::rename(folder_ / "again.h5", file_);
  }
}

// A flipped bit in the superblock, and in the header of the root and of each dataset.
TEST_F(Inspect, DamagedMetadata) {
  write_dataset(file_, {{1, 2, 3}});
  const std::string good = read_file(file_);
  std::vector<std::size_t> places = {20};
  for (std::size_t at = good.find("OHDR"); at != std::string::npos; at = good.find("OHDR", at + 1)) {
    places.push_back(at + 20);
  }
  EXPECT_EQ(places.size(), 6u);
  for (const std::size_t place : places) {
    std::string content = good;
    content[place] = static_cast<char>(content[place] ^ 1);
    write_file(file_, content);
    expect_damaged("is truncated or damaged: HDF5 says");
  }
}

// HDF5 can be told to lock what it reads: then another's lock is a failure that is not the file's.
TEST_F(Inspect, AFailureOfTheSystemThatHdf5MeetsIsNoDamage) {
  write_dataset(file_, {{1, 2, 3}});
  const core::FileDescriptor file(::open(file_.c_str(), O_RDONLY));
  ASSERT_EQ(::flock(file.get(), LOCK_EX), 0);
  expect_refused(run_data({"inspect", file_.string()}, "export HDF5_USE_FILE_LOCKING=TRUE"), ExitCode::storage,
                 {"cannot read " + file_.string() + ": Resource temporarily unavailable"});
}

TEST_F(Inspect, ForeignHdf5) {
  for (const bool latest : {false, true}) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (latest) H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    H5Fclose(H5Fcreate(file_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
    H5Pclose(access);
    expect_refused(inspect(), ExitCode::usage, {"is an HDF5 file, but not one of Baleen's", kMakeOne});
  }
}

TEST_F(Inspect, OtherFormat) {
  DamagedDataset(file_).set_text("format", "other");
  expect_refused(inspect(), ExitCode::usage, {"is an HDF5 file, but not one of Baleen's", kMakeOne});
}

TEST_F(Inspect, NewerFormatVersion) {
  DamagedDataset(file_).set_integer("format_version", 2);
  expect_refused(inspect(), ExitCode::usage,
                 {"has format version 2; this Baleen reads version 1", "use the Baleen that wrote it"});
}

TEST_F(Inspect, MissingAttribute) {
  for (const char* name : {"tokenizer", "vocab_size", "end_of_text", "token_count", "document_count", "digest"}) {
    DamagedDataset(file_).remove_attribute(name);
    expect_damaged(std::string("the attribute \"") + name + "\" is not there");
    std::filesystem::remove(file_);
  }
}

TEST_F(Inspect, AttributeOfAnotherType) {
  DamagedDataset(file_).set_text("vocab_size", "257");
  expect_damaged("the attribute \"vocab_size\" is not an integer");
  std::filesystem::remove(file_);
  DamagedDataset(file_).set_float("token_count", 9);
  expect_damaged("the attribute \"token_count\" is not an integer");
  std::filesystem::remove(file_);
  DamagedDataset(file_).set_integer("tokenizer", 1);
  expect_damaged("the attribute \"tokenizer\" is not a short string");
}

TEST_F(Inspect, ValuesThatCannotBe) {
  const auto with = [&](const char* name, std::int64_t value) {
    std::filesystem::remove(file_);
    DamagedDataset(file_).set_integer(name, value);
  };
  with("vocab_size", 0);
  expect_damaged("the attribute \"vocab_size\" is not in 1 to 2147483647");
  with("end_of_text", 257);
  expect_damaged("the attribute \"end_of_text\" is not below the vocabulary size");
  with("token_count", 10);
  expect_damaged("the attribute \"token_count\" is not the length of \"tokens\", 9");
  with("document_count", 2);
  expect_damaged("the attribute \"document_count\" is not one less than the length of \"document_offsets\", 4");
  with("digest_block_bytes", 1);
  expect_damaged("the attribute \"digest_block_bytes\" is not 67108864");
}

TEST_F(Inspect, TokensOfAnotherType) {
  for (const Type type : {Type::f32, Type::i16, Type::u16_big_endian, Type::u64}) {
    DamagedDataset(file_).replace("tokens", type, 9);
    expect_damaged("the dataset \"tokens\" is not of little-endian uint16 or uint32");
    std::filesystem::remove(file_);
  }
}

TEST_F(Inspect, TokensThatCannotBeMapped) {
  for (const Layout layout : {Layout::chunked, Layout::compressed, Layout::compact, Layout::external}) {
    DamagedDataset(file_).replace("tokens", Type::u16, 9, layout);
    expect_damaged("the dataset \"tokens\" is not contiguous");
    std::filesystem::remove(file_);
  }
}

TEST_F(Inspect, MissingDatasets) {
  for (const char* name : {"tokens", "document_offsets", "digests", "document_offsets_digests"}) {
    DamagedDataset(file_).remove(name);
    expect_damaged(std::string("the dataset \"") + name + "\" is not there");
    std::filesystem::remove(file_);
  }
}

TEST_F(Inspect, TokensOfAnotherFile) {
  write_dataset(folder_ / "other.h5", {{1, 2, 3}, {4}, {5, 6}});
  DamagedDataset(file_).link_to("tokens", folder_ / "other.h5");
  expect_damaged("the dataset \"tokens\" is not there");
}

TEST_F(Inspect, EmptyDataset) {
  DamagedDataset(file_).replace("tokens", Type::u16, 0);
  expect_damaged("the dataset \"tokens\" is not filled: it is empty");
}

TEST_F(Inspect, DigestsOfAnotherShape) {
  DamagedDataset(file_).replace("digests", Type::u16, 8);
  expect_damaged("the dataset \"digests\" is not of little-endian uint8");
}

TEST_F(Inspect, OffsetsThatDoNotAscend) {
  write_dataset(file_, {{1, 2, 3}, {4}, {5, 6}});
  set_document_offset(file_, 2, 4, true);
  expect_damaged("document_offsets[2] is 4, not above the 4 before it");
  set_document_offset(file_, 0, 1, true);
  expect_damaged("document_offsets[0] is 1, expected 0");
}

TEST_F(Inspect, OffsetsBeyondTheEnd) {
  write_dataset(file_, {{1, 2, 3}, {4}, {5, 6}});
  set_document_offset(file_, 3, 1'000'000, true);
  expect_damaged("the last document ends at token 1000000, but there are 9 tokens");
}

TEST_F(Inspect, OffsetsWithAnotherDigest) {
  write_dataset(file_, {{1, 2, 3}, {4}, {5, 6}});
  set_document_offset(file_, 1, 3, false);
  expect_damaged("block 0 of 1 \"document_offsets\" has digest");
}

TEST_F(Inspect, TokensWithAnotherDigest) {
  write_dataset(file_, {{1, 2, 3}, {4}, {5, 6}});
  set_token(file_, 4, 77, false);
  EXPECT_EQ(inspect().code, 0) << "without --verify the tokens are not read in full";
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("block 0 of 1 \"tokens\" has digest"));
  EXPECT_THAT(outcome.err, HasSubstr(kMakeAgain));
}

TEST_F(Inspect, TokenOutsideTheVocabulary) {
  write_dataset(file_, {{1, 2, 3}, {4}, {5, 6}});
  set_token(file_, 4, 999, true);
  const Outcome outcome = verify();
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("token 4 is 999, but the vocabulary has 257"));
}

TEST_F(Inspect, UnknownTokenizerOfADataset) {
  DamagedDataset(file_).set_text("tokenizer", "gpt9");
  const Outcome outcome = inspect();
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("unknown tokenizer \"gpt9\""));
  EXPECT_EQ(run_data({"inspect", file_.string(), "--windows", "0"}).code, 0) << "nothing to decode";
}

TEST_F(Inspect, BadUsage) {
  const std::string help = "`baleen data inspect --help` shows what it takes";
  expect_refused(run_data({"inspect"}), ExitCode::usage, {"FILE is missing", help});
  expect_refused(run_data({"inspect", "x", "--window", "2"}), ExitCode::usage,
                 {"there is no option --window; did you mean --windows?", help});
  expect_refused(run_data({"inspect", "x", "--windows", "-1"}), ExitCode::usage, {"--windows is -1", help});
  expect_refused(run_data({}), ExitCode::usage, {"a verb is missing after `baleen data`: tokenize or inspect"});
  expect_refused(run_data({"token"}), ExitCode::usage, {"there is no verb token", "`baleen data --help`"});
}

}  // namespace
}  // namespace baleen::data
