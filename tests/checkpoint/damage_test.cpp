// Each damage to a checkpoint gives its own message, the code 41 and what to do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include "checkpoint/directory.h"
#include "checkpoint/hdf5_file.h"
#include "checkpoint/reader.h"
#include "core/error.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr int kCorrupt = 41;

class Damage : public testing::Test {
 protected:
  Damage() {
    save_toy(run_.path(), 100);
    save_toy(run_.path(), 200);
    checkpoint_ = save_toy(run_.path(), 300);
  }

  const fs::path& run() const { return run_.path(); }
  const fs::path& checkpoint() const { return checkpoint_; }
  fs::path rank_file(int rank) const { return checkpoint_ / rank_file_name(rank); }
  fs::path manifest() const { return checkpoint_ / "manifest.json"; }
  std::string open_error(int code = kCorrupt) const {
    return error_of(code, [&] { CheckpointReader::open(checkpoint_); });
  }
  /// Reads all tensors.
  void read_all() const {
    const CheckpointReader reader = CheckpointReader::open(checkpoint_);
    for (const TensorEntry& tensor : reader.manifest().tensors) {
      std::vector<std::byte> out(static_cast<std::size_t>(tensor.bytes()));
      reader.read(tensor.name, tensor.kind, whole(tensor.shape), out);
    }
  }
  std::vector<std::string> faults() const {
    return CheckpointReader::open(checkpoint_).verify([](std::int64_t) {});
  }

 private:
  TemporaryDirectory run_;
  fs::path checkpoint_;
};

TEST_F(Damage, NoDamageNoFault) {
  EXPECT_TRUE(faults().empty());
}

TEST_F(Damage, AMissingRankFile) {
  fs::remove(rank_file(1));
  EXPECT_THAT(open_error(),
              AllOf(HasSubstr("rank-00001.h5 is missing"), HasSubstr("--resume=STEP; these are complete: 100, 200")));
}

TEST_F(Damage, ATruncatedRankFile) {
  const auto bytes = fs::file_size(rank_file(2));
  fs::resize_file(rank_file(2), bytes - 1);
  EXPECT_THAT(open_error(), HasSubstr("rank-00002.h5 has " + std::to_string(bytes - 1) + " bytes, " +
                                      std::to_string(bytes) + " were saved"));
}

TEST_F(Damage, AForeignHdf5FileOfTheSameLength) {
  const auto bytes = fs::file_size(rank_file(0));
  fs::remove(rank_file(0));
  Hdf5File::create(rank_file(0)).close();
  fs::resize_file(rank_file(0), bytes);
  EXPECT_THAT(error_of(kCorrupt, [&] { read_all(); }),
              AllOf(HasSubstr("rank-00000.h5: not a whole rank file of a checkpoint"), HasSubstr("100, 200")));
}

TEST_F(Damage, AFileThatIsNotHdf5) {
  const auto bytes = fs::file_size(rank_file(0));
  std::ofstream(rank_file(0)) << std::string(bytes, 'x');
  EXPECT_THAT(error_of(kCorrupt, [&] { read_all(); }), HasSubstr("not a whole rank file of a checkpoint"));
}

TEST_F(Damage, ARankFileOfAnotherStep) {
  fs::copy_file(checkpoint().parent_path() / "step-00000200" / rank_file_name(0), rank_file(0),
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(error_of(kCorrupt, [&] { read_all(); }),
              AllOf(HasSubstr("rank-00000.h5: its table has the digest"), HasSubstr("the manifest expects")));
}

TEST_F(Damage, AFlippedByteOfDataNamesFileTensorAndBlock) {
  const RankTable table = read_rank_table(rank_file(1)).table;
  const auto several = std::ranges::find_if(table.pieces, [](const auto& held) { return held.blocks.size() > 1; });
  ASSERT_NE(several, table.pieces.end());
  const StoredPiece& piece = *several;
  flip_byte(rank_file(1), piece.file_offset + table.block_bytes + 3);
  EXPECT_THAT(error_of(kCorrupt, [&] { read_all(); }),
              AllOf(HasSubstr("rank-00001.h5: block 1 of " + piece.dataset), HasSubstr(str(piece.box.box)),
                    HasSubstr("these are complete: 100, 200")));
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("block 1 of " + piece.dataset)));
}

TEST_F(Damage, OtherTensorsOfADamagedFileCanStillBeRead) {
  const RankTable table = read_rank_table(rank_file(1)).table;
  flip_byte(rank_file(1), table.pieces[0].file_offset);
  const CheckpointReader reader = CheckpointReader::open(checkpoint());
  const TensorBox& sound = table.pieces[1].box;
  std::vector<std::byte> out(static_cast<std::size_t>(sound.bytes()));
  reader.read(sound.tensor, sound.kind, sound.box, out);
  EXPECT_EQ(out, toy_bytes(sound, 300));
}

TEST_F(Damage, AFlippedByteOfTheDigests) {
  const RankTable table = read_rank_table(rank_file(1)).table;
  const std::string digest = table.pieces[0].blocks[0].hex();
  replace_text(rank_file(1), digest, (digest[0] == '0' ? "1" : "0") + digest.substr(1));
  EXPECT_THAT(error_of(kCorrupt, [&] { read_all(); }), HasSubstr("rank-00001.h5: its table has the digest"));
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("rank-00001.h5: its table has the digest")));
}

TEST_F(Damage, AChangedManifest) {
  replace_text(manifest(), "\"sampler.position\": 2400", "\"sampler.position\": 2401");
  EXPECT_THAT(open_error(), AllOf(HasSubstr("manifest.json: its text does not fit its own digest"),
                                  HasSubstr("these are complete: 100, 200")));
}

TEST_F(Damage, EveryFlippedByteOfTheManifestIsSeen) {
  const auto bytes = static_cast<std::int64_t>(fs::file_size(manifest()));
  for (std::int64_t at = 0; at < bytes; at += 11) {
    flip_byte(manifest(), at, 0x01);
    open_error();
    flip_byte(manifest(), at, 0x01);
  }
  read_all();
}

TEST_F(Damage, EveryFlippedByteOfARankFileIsSeenOrHarmless) {
  const auto bytes = static_cast<std::int64_t>(fs::file_size(rank_file(0)));
  std::mt19937 random(5);
  int seen = 0;
  for (int round = 0; round < 300; ++round) {
    const std::int64_t at = static_cast<std::int64_t>(random() % bytes);
    flip_byte(rank_file(0), at);
    seen += !faults().empty();
    try {
      expect_toy(checkpoint(), 300);  // what is read is right, or nothing is
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::corrupt_checkpoint) << at;
    }
    flip_byte(rank_file(0), at);
  }
  EXPECT_GT(seen, 100);
}

TEST_F(Damage, ACutManifest) {
  fs::resize_file(manifest(), fs::file_size(manifest()) / 2);
  EXPECT_THAT(open_error(), testing::ContainsRegex("/manifest.json: not a whole manifest: not readable JSON at line "
                                                   "[0-9]+, byte [0-9]+ . take another one with "));
}

TEST_F(Damage, AManifestThatIsNoObject) {
  std::ofstream(manifest()) << "[1, 2]\n";
  EXPECT_THAT(open_error(), HasSubstr("manifest.json: not a whole manifest"));
}

TEST_F(Damage, AManifestOfANewerFormat) {
  replace_text(manifest(), "\"format_version\": 1", "\"format_version\": 2");
  EXPECT_THAT(open_error(), HasSubstr("written in format 2 by a newer Baleen; this one reads formats up to 1"));
}

TEST_F(Damage, AChangedConfig) {
  replace_text(checkpoint() / "config.toml", "run", "ran");
  EXPECT_THAT(open_error(), HasSubstr("config.toml: it was changed after the checkpoint was written"));
}

TEST_F(Damage, AMissingConfig) {
  fs::remove(checkpoint() / "config.toml");
  EXPECT_THAT(open_error(), HasSubstr("config.toml is missing"));
}

TEST_F(Damage, ADatasetThatLiesElsewhere) {
  RankTable table = read_rank_table(rank_file(0)).table;
  check_datasets(rank_file(0), table);
  table.pieces[0].file_offset += 4;
  EXPECT_THAT(error_of(kCorrupt, [&] { check_datasets(rank_file(0), table); }), HasSubstr("the table expects"));
}

TEST_F(Damage, WithoutItsManifestLatestIsPassedOverWithANote) {
  fs::remove(manifest());
  const auto newest = newest_checkpoint(run());
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->path, checkpoint().parent_path() / "step-00000200");
  EXPECT_THAT(newest->notes, ElementsAre(AllOf(HasSubstr("step-00000300"), HasSubstr("no manifest.json"))));
  EXPECT_THAT(open_error(kUsage), HasSubstr("is no checkpoint: it has no manifest.json"));
}

TEST_F(Damage, LatestThatNamesNothingIsPassedOverWithANote) {
  fs::remove_all(checkpoint());
  const auto newest = newest_checkpoint(run());
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->path, checkpoint().parent_path() / "step-00000200");
  EXPECT_THAT(newest->notes, ElementsAre("LATEST names step-00000300, which is not there"));
}

TEST_F(Damage, WithoutLatestTheOneSavedLastCounts) {
  fs::remove(checkpoint().parent_path() / "LATEST");
  EXPECT_EQ(newest_checkpoint(run())->path, checkpoint());
}

TEST_F(Damage, ARenamedCheckpointIsPassedOver) {
  fs::rename(checkpoint(), checkpoint().parent_path() / "step-00000400");
  const auto newest = newest_checkpoint(run());
  EXPECT_EQ(newest->path, checkpoint().parent_path() / "step-00000200");
  EXPECT_THAT(newest->notes, ElementsAre(HasSubstr("step-00000400: holds step 300"), HasSubstr("LATEST names")));
}

TEST_F(Damage, ARunWithNothingButDamagedCheckpointsSaysSo) {
  for (const ListedCheckpoint& listed : list_checkpoints(run())) fs::remove(listed.path / "manifest.json");
  EXPECT_THAT(error_of(kCorrupt, [&] { newest_checkpoint(run()); }),
              AllOf(HasSubstr("no complete checkpoint in"), HasSubstr("step-00000100"), HasSubstr("step-00000300")));
}

TEST_F(Damage, PathsThatAreNoCheckpoints) {
  const TemporaryDirectory empty;
  EXPECT_THAT(error_of(kUsage, [&] { find_checkpoint(empty.path()); }), HasSubstr("neither a checkpoint nor a run"));
  EXPECT_THAT(error_of(kUsage, [&] { CheckpointReader::open(empty.path()); }), HasSubstr("is no checkpoint"));
  EXPECT_THAT(error_of(kUsage, [&] { find_checkpoint(empty.path() / "none"); }), testing::StartsWith("there is no "));
  EXPECT_THAT(error_of(kUsage, [&] { find_checkpoint(run(), 250); }),
              AllOf(HasSubstr("no checkpoint of step 250"), HasSubstr("100, 200, 300")));
  EXPECT_EQ(find_checkpoint(run(), 200).path, checkpoint().parent_path() / "step-00000200");
  EXPECT_EQ(find_checkpoint(run()).path, checkpoint());
  EXPECT_EQ(find_checkpoint(checkpoint()).path, checkpoint());
}

// LATEST is a pipe here, which lets the save happen between the looks at LATEST and at the directory.
TEST_F(Damage, ASaveDuringTheLookIsNoFaultOfLatest) {
  const fs::path latest = checkpoint().parent_path() / "LATEST";
  fs::remove(latest);
  ASSERT_EQ(::mkfifo(latest.c_str(), 0600), 0);
  std::thread saver([&] {
    std::ofstream pipe(latest);  // waits for who looks
    fs::rename(checkpoint(), checkpoint().parent_path() / "gone");
    std::ofstream(checkpoint().parent_path() / "next") << "step-00000200\n";
    fs::rename(checkpoint().parent_path() / "next", latest);
    pipe << "step-00000300\n";
  });
  EXPECT_EQ(fault_of_latest(run()), "");
  saver.join();
}

TEST_F(Damage, ListShowsWhatIsThere) {
  fs::remove(checkpoint().parent_path() / "step-00000100" / "manifest.json");
  const auto listed = list_checkpoints(run());
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_FALSE(listed[0].complete());
  EXPECT_TRUE(listed[1].complete());
  EXPECT_FALSE(listed[1].latest);
  EXPECT_TRUE(listed[2].latest);
  EXPECT_GT(listed[2].bytes, 1000);
  EXPECT_LT(listed[1].saved, listed[2].saved);
}

}  // namespace
}  // namespace baleen::checkpoint
