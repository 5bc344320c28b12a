// The order in which a save happens: what is synced and named when, and what stands wherever it is killed.

#include <gmock/gmock.h>

#include "checkpoint/directory.h"
#include "checkpoint/reader.h"
#include "tests/checkpoint/crash_points.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Protocol, WhatIsNamedHasBeenSynced) {
  const TemporaryDirectory run;
  save_toy(run.path(), 10, 2);
  CheckpointSave save(run.path(), 20, 7);
  const auto two_ranks_save = [&] {
    save.prepare();
    for (const int rank : {0, 1}) write_toy_rank(save.directory(), rank, 2, 20);
    EXPECT_THAT(save.commit(toy_manifest(20, 2), "[run]\n", 0), IsEmpty());
  };
  const std::string partial = save.directory().filename(), final = save.final_directory().filename();
  const std::string config = partial + "/config.toml", manifest = partial + "/manifest.json";
  EXPECT_THAT(
      changes_of_names(checkpoints_directory(run.path()), two_ranks_save),
      ElementsAre("sync " + partial + "/rank-00000.h5", "sync " + partial + "/rank-00001.h5",                    //
                  "sync " + config + ".tmp", "rename " + config + ".tmp to " + config, "sync " + partial,        //
                  "sync " + manifest + ".tmp", "rename " + manifest + ".tmp to " + manifest, "sync " + partial,  //
                  "rename " + partial + " to " + final, "sync .",                                                //
                  "sync LATEST.tmp", "rename LATEST.tmp to LATEST", "sync ."));
}

TEST(Protocol, KilledAnywhereAManifestStandsForAllAndLatestForWhatStands) {
  bool done = false;
  int n = 0;
  std::vector<std::int64_t> newest;
  while (!done) {
    const TemporaryDirectory run;
    save_toy(run.path(), 10, 2);
    done = survives(++n, [&] { save_toy(run.path(), 20, 2, 1); });
    for (const auto& entry : fs::directory_iterator(checkpoints_directory(run.path()))) {
      const bool taken_away = entry.path().filename().string().find(".removed-") != std::string::npos;
      if (taken_away || !fs::exists(entry.path() / "manifest.json")) continue;
      EXPECT_TRUE(CheckpointReader::open(entry.path()).verify([](std::int64_t) {}).empty())
          << n << ": " << entry.path();
    }
    const auto found = newest_checkpoint(run.path());
    ASSERT_TRUE(found.has_value()) << n;
    EXPECT_THAT(found->notes, IsEmpty()) << n << ": LATEST names one that stands";
    newest.push_back(read_manifest(found->path).step);
    expect_toy(found->path, newest.back());
  }
  newest.resize(5);
  EXPECT_THAT(newest, ElementsAre(10, 10, 10, 10, 20)) << "before config, manifest, checkpoint and LATEST are named";
}

}  // namespace
}  // namespace baleen::checkpoint
