// Going on from an older step, and saving a step again: killed before any change of a name.

#include "checkpoint/branch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/directory.h"
#include "checkpoint/reader.h"
#include "checkpoint/step_names.h"
#include "tests/checkpoint/crash_points.h"
#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::int64_t> steps_in(const std::vector<ListedCheckpoint>& listed) {
  std::vector<std::int64_t> steps;
  for (const ListedCheckpoint& checkpoint : listed) steps.push_back(checkpoint.step);
  return steps;
}

std::int64_t newest_step(const fs::path& run) {
  const auto newest = newest_checkpoint(run);
  return newest ? read_manifest(newest->path).step : -1;
}

TEST(Branch, TheStepThatIsGoneOnFromIsTheNewest) {
  const TemporaryDirectory run;
  for (const std::int64_t step : {10, 20, 30}) save_toy(run.path(), step);
  EXPECT_THAT(go_on_from(run.path(), 30), IsEmpty());
  EXPECT_EQ(newest_step(run.path()), 30);
  EXPECT_THAT(go_on_from(run.path(), 10), ElementsAre(20, 30));
  EXPECT_EQ(newest_step(run.path()), 10);
  EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10));
  EXPECT_THAT(steps_in(list_abandoned(run.path())), ElementsAre(20, 30));
  EXPECT_THAT(error_of(2, [&] { (void)find_checkpoint(run.path(), 20); }),
              AllOf(HasSubstr("left behind"), HasSubstr("step-00000020.abandoned-")));
}

TEST(Branch, TheFallbackForADamagedOneStaysInTheHistory) {
  const TemporaryDirectory run;
  for (const std::int64_t step : {10, 20, 30}) save_toy(run.path(), step);
  go_on_from(run.path(), 10);
  const fs::path damaged = save_toy(run.path(), 25);
  fs::remove(damaged / "manifest.json");
  EXPECT_EQ(newest_step(run.path()), 10);
}

TEST(Branch, KeepTakesTheAbandonedFirst) {
  const TemporaryDirectory run;
  for (const std::int64_t step : {10, 20, 30}) save_toy(run.path(), step);
  go_on_from(run.path(), 10);
  save_toy(run.path(), 11, 2, 3);
  EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10, 11));
  EXPECT_THAT(steps_in(list_abandoned(run.path())), ElementsAre(30));
  save_toy(run.path(), 12, 2, 3);
  EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10, 11, 12));
  EXPECT_THAT(list_abandoned(run.path()), IsEmpty());
}

TEST(Branch, KilledAnywhereItIsLeftWholeOrNotAtAll) {
  bool done = false;
  int n = 0;
  while (!done) {
    const TemporaryDirectory run;
    for (const std::int64_t step : {10, 20, 30}) save_toy(run.path(), step);
    done = survives(++n, [&] { go_on_from(run.path(), 10); });
    if (newest_step(run.path()) == 30) {
      EXPECT_EQ(n, 1) << "only before LATEST names the older step";
      EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10, 20, 30));
      continue;
    }
    EXPECT_EQ(newest_step(run.path()), 10) << n;
    fs::rename(run.path() / "checkpoints/step-00000010/manifest.json", run.path() / "manifest.json");
    EXPECT_THAT(error_of(41, [&] { (void)newest_checkpoint(run.path()); }), HasSubstr("no complete checkpoint")) << n;
    fs::rename(run.path() / "manifest.json", run.path() / "checkpoints/step-00000010/manifest.json");
    go_on_from(run.path(), 10);
    EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10)) << n;
    EXPECT_THAT(steps_in(list_abandoned(run.path())), ElementsAre(20, 30)) << n;
  }
  EXPECT_EQ(n, 4) << "LATEST, two checkpoints, and the end";
}

class SavingAStepAgain : public testing::TestWithParam<bool> {};

TEST_P(SavingAStepAgain, KilledAnywhereACompleteOneIsFound) {
  bool done = false;
  int n = 0;
  while (!done) {
    const TemporaryDirectory run;
    save_toy(run.path(), 10, 2);
    save_toy(run.path(), 20, 2);
    done = survives(++n, [&] {
      if (!GetParam()) refuse_exchange();
      save_toy(run.path(), 20, 3);
    });
    for (const auto& found : {newest_checkpoint(run.path()), std::optional(find_checkpoint(run.path(), 20))}) {
      ASSERT_TRUE(found.has_value()) << n;
      EXPECT_THAT(found->notes, IsEmpty()) << n;
      expect_toy(found->path, 20);
      EXPECT_TRUE(CheckpointReader::open(found->path).verify([](std::int64_t) {}).empty()) << n;
    }
    EXPECT_TRUE(!done || read_manifest(find_checkpoint(run.path(), 20).path).world_size == 3);

    save_toy(run.path(), 30);
    EXPECT_THAT(steps_in(list_checkpoints(run.path())), ElementsAre(10, 20, 30)) << n;
    for (const auto& entry : fs::directory_iterator(run.path() / "checkpoints")) {
      const std::string name = entry.path().filename();
      EXPECT_TRUE(name == "LATEST" || step_of(name)) << n << ": " << name << " stays";
    }
  }
  EXPECT_GT(n, 8) << "renames of config, manifest, checkpoint and LATEST, and removals";
}

INSTANTIATE_TEST_SUITE_P(ExchangeOrNot, SavingAStepAgain, testing::Bool(),
                         [](const auto& one) { return one.param ? "NamesAreExchanged" : "NamesCannotBeExchanged"; });

TEST(SavingAStepAgain, GoingOnSettlesWhatAKillLeft) {
  const TemporaryDirectory run;
  const fs::path saved = save_toy(run.path(), 20);
  fs::rename(saved, marked(saved, Mark::replaced, 7));
  EXPECT_EQ(newest_step(run.path()), 20);
  go_on_from(run.path(), 20);
  expect_toy(saved, 20);
}

}  // namespace
}  // namespace baleen::checkpoint
