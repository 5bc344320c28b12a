// baleen ckpt, as people call it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/rank_file.h"
#include "tests/checkpoint/toy_checkpoint.h"
#include "tests/support/program.h"

namespace baleen::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1;
  std::string text;  // stdout and stderr
};

Outcome baleen(const std::string& arguments) {
  const tests::Outcome outcome = tests::run("$baleen " + arguments + " 2>&1");
  return {outcome.code, outcome.out};
}

class CkptVerb : public testing::Test {
 protected:
  CkptVerb() {
    save_toy(run_.path(), 100);
    newest_ = save_toy(run_.path(), 200);
  }
  std::string run() const { return run_.path().string(); }
  const fs::path& newest() const { return newest_; }

 private:
  TemporaryDirectory run_;
  fs::path newest_;
};

TEST_F(CkptVerb, LsListsStepsOfARun) {
  const Outcome outcome = baleen("ckpt ls " + run());
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_THAT(outcome.text, AllOf(ContainsRegex(" 100  20..-.*Z .* KiB +complete"),
                                  ContainsRegex(" 200  20..-.*Z .* KiB  LATEST  complete")));
}

TEST_F(CkptVerb, LsShowsDamage) {
  fs::remove(newest() / "manifest.json");
  const Outcome outcome = baleen("ckpt ls " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text,
              AllOf(HasSubstr("LATEST  damaged: " + newest().string() + " is no checkpoint"),
                    HasSubstr("--resume goes on from step 100, which is complete; delete what is damaged")));
}

TEST_F(CkptVerb, LsComparesTheLengthsOfFiles) {
  fs::resize_file(newest() / "rank-00001.h5", 100);
  const Outcome outcome = baleen("ckpt ls " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text, AllOf(ContainsRegex(" 100  20.* complete\n"),
                                  ContainsRegex("LATEST  damaged: .*/rank-00001.h5 has 100 bytes, [0-9]+ were saved"),
                                  HasSubstr("`baleen ckpt verify` compares every byte")));
  const Outcome verified = baleen("ckpt verify " + run());
  EXPECT_EQ(verified.code, 41);
  EXPECT_THAT(verified.text, HasSubstr("take another one with --step STEP; these are complete: 100\n"));
}

TEST_F(CkptVerb, LsSaysWhatResumingTakesWhereAnOlderOneIsDamaged) {
  fs::resize_file(newest().parent_path() / "step-00000100" / "rank-00001.h5", 100);
  const Outcome outcome = baleen("ckpt ls " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text, HasSubstr("--resume goes on from step 200, which is complete; delete what is damaged"));
}

TEST_F(CkptVerb, LsOfADamagedOneNamesThoseBesideIt) {
  fs::resize_file(newest() / "rank-00001.h5", 100);
  const std::string at_home = "ckpt ls " + newest().string();
  for (const std::string& command : {at_home, at_home + "/", at_home + "/."}) {
    const Outcome outcome = baleen(command);
    EXPECT_EQ(outcome.code, 41) << command;
    EXPECT_THAT(outcome.text, HasSubstr("take another one with --resume=STEP; these are complete: 100\n")) << command;
  }
}

TEST_F(CkptVerb, LsTellsOfALatestThatNamesNothing) {
  const fs::path latest = newest().parent_path() / "LATEST";
  const auto expect_fault = [&](const std::string& content, const std::string& fault, const std::string& action) {
    std::ofstream(latest, std::ios::trunc) << content;
    const Outcome outcome = baleen("ckpt ls " + run());
    EXPECT_EQ(outcome.code, 41) << outcome.text;
    EXPECT_THAT(outcome.text, AllOf(ContainsRegex(" 200  20.* complete\n"),
                                    HasSubstr("baleen: " + run() + ": " + fault + "\n  " + action + "\n")));
  };
  const std::string takes_200 = "--resume goes on from step 200, which is complete; then LATEST names that";
  expect_fault("", "LATEST is empty", takes_200);
  expect_fault("stop-200\n", "LATEST names no checkpoint", takes_200);
  expect_fault("step-00000300\n", "LATEST names step-00000300, which is not there", takes_200);
  expect_fault("step-00000150\n", "LATEST names step-00000150, which is not there",
               "--resume goes on from step 100, which is complete; then LATEST names that");
  expect_fault("step-00000050\n", "LATEST names step-00000050, which is not there",
               "beyond the one that LATEST names there are 100, 200: --resume=STEP takes one of them");
}

TEST_F(CkptVerb, LsTellsOfALatestThatNamesNothingAlsoWhereAllWereLeft) {
  for (const std::string name : {"step-00000100", "step-00000200"})
    fs::rename(newest().parent_path() / name, newest().parent_path() / (name + ".abandoned-1"));
  const Outcome outcome = baleen("ckpt ls " + run());
  EXPECT_EQ(outcome.code, 41) << outcome.text;
  EXPECT_THAT(outcome.text, AllOf(HasSubstr(": LATEST names step-00000200, which is not there\n"),
                                  HasSubstr("copy an abandoned one to NEW_RUN/checkpoints/")));
}

TEST_F(CkptVerb, LsTellsThatThereIsNoLatestOrThatItCannotBeRead) {
  const fs::path latest = newest().parent_path() / "LATEST";
  fs::remove(latest);
  const Outcome without = baleen("ckpt ls " + run());
  EXPECT_EQ(without.code, 0) << without.text;
  EXPECT_THAT(without.text, HasSubstr("there is no LATEST: --resume goes on from step 200, which is complete; then "
                                      "LATEST names that\n"));
  EXPECT_THAT(baleen("ckpt ls " + newest().string()).text, Not(HasSubstr("LATEST"))) << "that is a run's";
  const fs::path older = newest().parent_path() / "step-00000100";
  fs::rename(older / "manifest.json", older / "aside");
  const Outcome damaged_too = baleen("ckpt ls " + run());
  EXPECT_EQ(damaged_too.code, 41);
  EXPECT_THAT(damaged_too.text, HasSubstr("baleen: " + run() + ": there is no LATEST; 1 checkpoint damaged\n"));
  fs::rename(older / "aside", older / "manifest.json");
  fs::create_directory(latest);
  const Outcome unreadable = baleen("ckpt ls " + run());
  EXPECT_EQ(unreadable.code, 40);
  EXPECT_EQ(unreadable.text, "baleen: cannot read " + latest.string() +
                                 ": Is a directory\n  let it be read, or remove it: then --resume goes on from the "
                                 "checkpoint that was saved last\n");
}

TEST_F(CkptVerb, LsExplainsTheMarksThatItShows) {
  const std::string sound = baleen("ckpt ls " + run()).text;
  EXPECT_THAT(sound, AllOf(HasSubstr("\ncomplete: "), HasSubstr("\nLATEST: "), Not(HasSubstr("\ndamaged: ")),
                           Not(HasSubstr("\nabandoned: "))));
  for (const char* name : {"step-00000100", "step-00000200"})
    fs::remove(newest().parent_path() / name / "manifest.json");
  const Outcome damaged = baleen("ckpt ls " + run());
  EXPECT_EQ(damaged.code, 41);
  EXPECT_THAT(damaged.text, AllOf(HasSubstr("\ndamaged: "), Not(HasSubstr("\ncomplete: ")),
                                  HasSubstr("2 checkpoints damaged\n  restore one from a copy, or start again")));
  fs::rename(newest(), newest().parent_path() / "step-00000200.abandoned-1");
  EXPECT_THAT(baleen("ckpt ls " + run()).text, HasSubstr("\nabandoned: "));
}

TEST_F(CkptVerb, LsOfOneCheckpointWithItsTensors) {
  const Outcome outcome = baleen("ckpt ls " + newest().string() + " --tensors");
  EXPECT_EQ(outcome.code, 0) << outcome.text;
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("     200  "), ContainsRegex("exp_avg +fp32 .*\\[24, 24\\] +q.weight"),
                                  Not(HasSubstr("     100  "))));
}

TEST_F(CkptVerb, VerifySaysThatAllIsWell) {
  for (const std::string& path : {run(), newest().string(), run() + " --step 100"}) {
    const Outcome outcome = baleen("ckpt verify " + path);
    EXPECT_EQ(outcome.code, 0) << outcome.text;
    EXPECT_THAT(outcome.text, AllOf(HasSubstr("10 tensors in 3 files"), HasSubstr("sound: every block")));
  }
}

TEST_F(CkptVerb, VerifyListsEveryFaultAndExitsWith41) {
  const RankTable table = read_rank_table(newest() / "rank-00001.h5").table;
  flip_byte(newest() / "rank-00001.h5", table.pieces.front().file_offset);
  flip_byte(newest() / "rank-00001.h5", table.pieces.back().file_offset);
  const Outcome outcome = baleen("ckpt verify " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("fault: "), HasSubstr("block 0 of " + table.pieces.front().dataset),
                                  HasSubstr("block 0 of " + table.pieces.back().dataset), HasSubstr("2 faults"),
                                  HasSubstr("take another one with --step STEP; these are complete: 100")));
  EXPECT_LT(outcome.text.find("tensors in"), outcome.text.find("fault: "));
  EXPECT_LT(outcome.text.find("fault: "), outcome.text.find("baleen: ")) << "in order, though they are two streams";
  EXPECT_EQ(baleen("ckpt verify " + run() + " --step 100").code, 0);
}

TEST_F(CkptVerb, VerifyOfARunDoesNotPassOverADamagedNewest) {
  fs::remove(newest() / "manifest.json");
  const Outcome outcome = baleen("ckpt verify " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("fault: passed over"), HasSubstr("step 100 is sound")));
}

TEST_F(CkptVerb, VerifyTellsOfALatestThatNamesNothing) {
  std::ofstream(newest().parent_path() / "LATEST", std::ios::trunc);
  const Outcome outcome = baleen("ckpt verify " + run());
  EXPECT_EQ(outcome.code, 41);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("fault: LATEST is empty\n"), HasSubstr("step 200 is sound")));
}

TEST_F(CkptVerb, BadUsageExitsWith2) {
  const TemporaryDirectory empty;
  EXPECT_EQ(baleen("ckpt ls " + empty.path().string()).code, 2);
  EXPECT_EQ(baleen("ckpt verify " + empty.path().string()).code, 2);
  EXPECT_EQ(baleen("ckpt verify " + run() + " --step 150").code, 2);
  EXPECT_EQ(baleen("ckpt").code, 2);
  EXPECT_EQ(baleen("ckpt rm " + run()).code, 2);
  EXPECT_EQ(baleen("ckpt verfy").text,
            "baleen: there is no verb verfy; did you mean verify?\n  `baleen ckpt --help` lists the verbs\n");
  EXPECT_THAT(baleen("ckpt ls /nowhere").text, HasSubstr("there is no /nowhere\n"));
  EXPECT_EQ(baleen("ckpt --help").code, 0);
}

}  // namespace
}  // namespace baleen::checkpoint
