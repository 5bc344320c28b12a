#include "checkpoint/commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <thread>

#include "checkpoint/directory.h"
#include "checkpoint/reader.h"
#include "checkpoint/writer.h"
#include "core/error.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::int64_t> steps_of(const fs::path& run) {
  std::vector<std::int64_t> steps;
  for (const ListedCheckpoint& listed : list_checkpoints(run)) {
    EXPECT_TRUE(listed.complete()) << listed.fault;
    steps.push_back(listed.step);
  }
  return steps;
}

std::int64_t newest_step(const fs::path& run) {
  return read_manifest(newest_checkpoint(run)->path).step;
}

/// Names in RUN/checkpoints that are neither a step nor LATEST.
std::vector<std::string> leftovers(const fs::path& run) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(checkpoints_directory(run))) {
    const std::string name = entry.path().filename();
    if (name != "LATEST" && name.find('.') != std::string::npos) names.push_back(name);
  }
  return names;
}

TEST(Commit, ASavedCheckpointIsTheNewest) {
  const TemporaryDirectory run;
  EXPECT_FALSE(newest_checkpoint(run.path()).has_value());
  save_toy(run.path(), 10);
  const fs::path second = save_toy(run.path(), 20);
  const auto newest = newest_checkpoint(run.path());
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->path, second);
  EXPECT_TRUE(newest->notes.empty());
  EXPECT_TRUE(leftovers(run.path()).empty());
}

TEST(Commit, EveryPhaseLeavesTheOldStateUntilTheLast) {
  const TemporaryDirectory run;
  save_toy(run.path(), 10);
  CheckpointSave save(run.path(), 20, 7);
  save.prepare();
  EXPECT_EQ(newest_step(run.path()), 10);
  write_toy_rank(save.directory(), 0, 2, 20);
  EXPECT_EQ(newest_step(run.path()), 10);
  EXPECT_THAT(error_of(40, [&] { (void)save.commit(toy_manifest(20, 2), "", 0); }), HasSubstr("rank-00001.h5"));
  EXPECT_EQ(newest_step(run.path()), 10);
  write_toy_rank(save.directory(), 1, 2, 20);
  EXPECT_TRUE(save.commit(toy_manifest(20, 2), "", 0).empty());
  EXPECT_EQ(newest_step(run.path()), 20);
  expect_toy(save.final_directory(), 20);
}

TEST(Commit, ARankThatLeavesAHoleIsADefect) {
  const TemporaryDirectory run;
  CheckpointSave save(run.path(), 20, 7);
  save.prepare();
  write_toy_rank(save.directory(), 0, 3, 20);
  write_toy_rank(save.directory(), 1, 3, 20);
  EXPECT_THAT(error_of(70, [&] { (void)save.commit(toy_manifest(20, 2), "", 0); }), HasSubstr("tile each tensor"));
  EXPECT_FALSE(newest_checkpoint(run.path()).has_value());
}

/// The right number of elements, but one part twice and the other never.
TEST(Commit, RanksThatSaveTheSamePartAreADefect) {
  const TemporaryDirectory run;
  CheckpointSave save(run.path(), 20, 7);
  save.prepare();
  const std::vector<float> part(5, 1.0F);
  for (int rank = 0; rank < 2; ++rank) {
    RankFileWriter writer(save.directory(), rank);
    writer.write({"weight", "parameter", core::DType::f32, {10}, {{0}, {5}}}, std::as_bytes(std::span(part)));
    writer.finish();
  }
  EXPECT_THAT(error_of(70, [&] { (void)save.commit(toy_manifest(20, 2), "", 0); }), HasSubstr("tile each tensor"));
}

TEST(Commit, AFileWithoutItsTableIsNotCommitted) {
  const TemporaryDirectory run;
  CheckpointSave save(run.path(), 20, 7);
  save.prepare();
  { RankFileWriter unfinished(save.directory(), 0); }
  EXPECT_THAT(error_of(40, [&] { (void)save.commit(toy_manifest(20, 1), "", 0); }), HasSubstr("not a whole rank file"));
}

TEST(Commit, AbandonedSavesAndLeftoversDisappear) {
  const TemporaryDirectory run;
  CheckpointSave abandoned(run.path(), 5, 1);
  abandoned.prepare();
  write_toy_rank(abandoned.directory(), 0, 1, 5);
  abandoned.abandon();
  EXPECT_TRUE(leftovers(run.path()).empty());
  CheckpointSave killed(run.path(), 5, 2);
  killed.prepare();
  std::ofstream(checkpoints_directory(run.path()) / "LATEST.1234.tmp") << "step-";
  fs::create_directory(checkpoints_directory(run.path()) / "step-00000004.removed-0000000000000002");
  std::ofstream(checkpoints_directory(run.path()) / "notes.txt") << "a person's own";
  EXPECT_EQ(leftovers(run.path()).size(), 4u);
  EXPECT_FALSE(newest_checkpoint(run.path()).has_value());
  save_toy(run.path(), 6);
  EXPECT_THAT(leftovers(run.path()), ElementsAre("notes.txt"));
}

TEST(Commit, KeepRemovesTheOnesSavedFirst) {
  const TemporaryDirectory run;
  for (const std::int64_t step : {10, 20, 30, 40}) save_toy(run.path(), step, 2, 2);
  EXPECT_THAT(steps_of(run.path()), ElementsAre(30, 40));
  save_toy(run.path(), 50, 2, 0);
  EXPECT_THAT(steps_of(run.path()), ElementsAre(30, 40, 50));
}

TEST(Commit, KeepNeverTouchesWhatItCannotRead) {
  const TemporaryDirectory run;
  const fs::path foreign = save_toy(run.path(), 10, 2, 0);
  replace_text(foreign / "manifest.json", "\"format_version\": 1", "\"format_version\": 99");
  for (const std::int64_t step : {20, 30, 40}) save_toy(run.path(), step, 2, 1);
  EXPECT_TRUE(fs::exists(foreign));
  EXPECT_FALSE(fs::exists(foreign.parent_path() / "step-00000030"));
}

TEST(Commit, SavingAStepAgainReplacesItWhole) {
  const TemporaryDirectory run;
  save_toy(run.path(), 10, 2);
  const fs::path again = save_toy(run.path(), 10, 3);
  expect_toy(again, 10);
  EXPECT_EQ(CheckpointReader::open(again).manifest().world_size, 3);
  EXPECT_TRUE(leftovers(run.path()).empty());
}

TEST(Commit, AnUnwritableFolderIsAStorageError) {
  const TemporaryDirectory run;
  std::ofstream(run.path() / "checkpoints") << "a file where the folder should be";
  EXPECT_THAT(error_of(40, [&] { CheckpointSave(run.path(), 10, 1).prepare(); }), HasSubstr("checkpoints"));
  EXPECT_THAT(error_of(40, [&] { RankFileWriter(run.path() / "gone", 0); }),
              HasSubstr("rank-00000.h5: No such file or directory"));
}

/// What a child process makes of a save when no file may grow beyond `limit` bytes: EFBIG stands in for a full disk.
int exit_code_of_limited_save(const fs::path& run, rlim_t limit) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit bound{limit, limit};
    ::setrlimit(RLIMIT_FSIZE, &bound);
    try {
      save_toy(run, 20, 1);
      ::_exit(0);
    } catch (const core::Error& error) {
      const bool clear = std::string(error.what()).find("File too large") != std::string::npos;
      ::_exit(clear ? static_cast<int>(error.code()) : 1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Commit, ADiskThatIsFullAtAnyPointLeavesTheOldCheckpoint) {
  const TemporaryDirectory run;
  save_toy(run.path(), 10, 1);
  const auto whole_file = fs::file_size(checkpoints_directory(run.path()) / "step-00000010" / "rank-00000.h5");
  for (rlim_t limit = 0; limit < whole_file; limit += whole_file / 16) {
    EXPECT_EQ(exit_code_of_limited_save(run.path(), limit), 40) << limit;
    EXPECT_EQ(newest_step(run.path()), 10);
  }
  expect_toy(newest_checkpoint(run.path())->path, 10);
  EXPECT_EQ(exit_code_of_limited_save(run.path(), 100 * whole_file), 0);
  EXPECT_EQ(newest_step(run.path()), 20);
}

/// Saves steps from `first` on until it is killed.
[[noreturn]] void save_for_ever(const fs::path& run, std::int64_t first) {
  for (std::int64_t step = first;; ++step) save_toy(run, step, 2, 3);
}

TEST(Commit, KilledAtAnyMomentTheNewestCheckpointLoads) {
  const TemporaryDirectory run;
  std::mt19937 random(11);
  const auto start = std::chrono::steady_clock::now();
  save_toy(run.path(), 1, 2);
  const std::chrono::microseconds one_save =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  std::int64_t last = 1;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    if (child == 0) save_for_ever(run.path(), last + 1);
    std::this_thread::sleep_for(one_save * (random() % 400) / 100);  // zero to four saves
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto newest = newest_checkpoint(run.path());
    ASSERT_TRUE(newest.has_value()) << "round " << round;
    ASSERT_GE(newest_step(run.path()), last) << "round " << round;
    last = newest_step(run.path());
    for (const ListedCheckpoint& listed : list_checkpoints(run.path())) {
      ASSERT_TRUE(listed.complete()) << listed.fault;
      ASSERT_TRUE(CheckpointReader::open(listed.path).verify([](std::int64_t) {}).empty());
    }
    expect_toy(newest->path, last);
  }
  EXPECT_GT(last, 10) << "the child hardly saved: the kills prove nothing";
}

}  // namespace
}  // namespace baleen::checkpoint
