// The border to people: verbs, help, messages and exit codes.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace baleen::apps {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using tests::Outcome;
using tests::run;

TEST(CommandLine, HelpListsTheVerbs) {
  const Outcome help = run("$baleen --help");
  EXPECT_EQ(help.code, 0);
  for (const char* verb :
       {"train", "generate", "bench", "check", "plan", "schema", "data", "ckpt", "report", "doctor", "version"})
    EXPECT_THAT(help.out, HasSubstr(std::string("\n  ") + verb));
  EXPECT_EQ(run("$baleen help").out, help.out);
}

TEST(CommandLine, HelpBeforeAVerbIsItsHelp) {
  EXPECT_EQ(run("$baleen help check").out, run("$baleen check --help").out);
  EXPECT_EQ(run("$baleen help data inspect").out, run("$baleen data inspect --help").out);
  EXPECT_EQ(run("$baleen data help inspect").out, run("$baleen data inspect --help").out);
  EXPECT_EQ(run("$baleen help chekc").err, run("$baleen chekc").err);
}

TEST(CommandLine, NothingToDoShowsTheUsageAsAnError) {
  const Outcome outcome = run("$baleen");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, StartsWith("Usage: baleen VERB"));
}

TEST(CommandLine, UnknownVerbNamesTheNearest) {
  const Outcome outcome = run("$baleen chekc");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.err, "baleen: there is no verb chekc; did you mean check?\n  `baleen --help` lists the verbs\n");
}

TEST(CommandLine, EveryLightVerbHasHelp) {
  for (const char* verb : {"check", "plan", "schema", "data", "ckpt", "report", "doctor", "version"}) {
    const Outcome help = run(std::string("$baleen ") + verb + " --help");
    EXPECT_EQ(help.code, 0) << verb << help.err;
    EXPECT_THAT(help.out, HasSubstr(std::string("baleen ") + verb)) << verb;
    EXPECT_THAT(help.err, IsEmpty()) << verb;
  }
}

TEST(CommandLine, UnknownOptionsAreRefused) {
  const auto refused = [](const std::string& arguments, const std::string& message) {
    const Outcome outcome = run("$baleen " + arguments);
    EXPECT_EQ(outcome.code, 2) << arguments;
    EXPECT_THAT(outcome.err, StartsWith("baleen: " + message + "\n")) << arguments;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2) << outcome.err;
  };
  refused("version --verbose", "there is no option --verbose");
  refused("version now", "now is one argument too many");
  refused("check run.toml --rank=3", "there is no option --rank=3; did you mean --ranks?");
  refused("check run.toml --ra 3", "there is no option --ra; did you mean --ranks?");
  refused("check --rnaks 3", "there is no option --rnaks; did you mean --ranks?");
  refused("check run.toml --training.steps=5", "overrides have no dashes: training.steps=5");
  refused("check run.toml --training.steps 5", "overrides have no dashes: training.steps=VALUE");
  refused("ckpt ls . --training.steps=5", "there is no option --training.steps=5");
  refused("plan run.toml --gpu ''", "--gpu is empty; it needs a value");
  refused("check", "CONFIG is missing: TOML file; `baleen schema` lists the keys");
  refused("check run.toml --ranks", "--ranks needs a value");
  refused("check run.toml --ranks three", "--ranks is three; expected an integer");
  refused("check run.toml --ranks 99999999999999999999",
          "--ranks is 99999999999999999999; expected an integer between -9223372036854775808 and 9223372036854775807");
  refused("data tokenise", "there is no verb tokenise; did you mean tokenize?");
  refused("data", "a verb is missing after `baleen data`: tokenize or inspect");
}

TEST(Version, IsTheSameEitherWay) {
  const Outcome version = run("$baleen version");
  EXPECT_THAT(version.out, StartsWith("baleen 0."));
  EXPECT_EQ(run("$baleen --version").out, version.out);
}

TEST(Schema, ShowsOneSectionOrAll) {
  const Outcome one = run("$baleen schema optimizer");
  EXPECT_EQ(one.code, 0);
  EXPECT_THAT(one.out, AllOf(StartsWith("[optimizer]  "), HasSubstr("max_grad_norm = 1.0"), Not(HasSubstr("[model]"))));
  EXPECT_THAT(run("$baleen schema").out, AllOf(HasSubstr(one.out), HasSubstr("[model]  ")));
  EXPECT_THAT(run("$baleen schema optimizer.lr").out,
              AllOf(StartsWith("[optimizer]  "), HasSubstr("\n  lr = "), Not(HasSubstr("betas"))));
  EXPECT_EQ(run("$baleen schema optimizer.lrr").err,
            "baleen: unknown key optimizer.lrr; did you mean optimizer.lr?\n"
            "  `baleen schema optimizer` lists the keys\n");
  EXPECT_EQ(run("$baleen schema optimizer.").out, one.out);
  EXPECT_THAT(run("$baleen schema .").err, StartsWith("baleen: no section is named\n  the sections are run, model, "));
  const Outcome unknown = run("$baleen schema optimiser");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err,
              HasSubstr("baleen: unknown section [optimiser]; did you mean optimizer?\n  the sections are"));
}

class Check : public testing::Test {
 protected:
  Outcome check(const std::string& text, const std::string& arguments = "") const {
    folder_.write("run.toml", text);
    return run("$baleen check run.toml " + arguments, folder_.path());
  }
  /// `unknown`: a name is not known, so the list of names helps.
  void expect_refused(const Outcome& outcome, const std::string& message, bool unknown = false) const {
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err,
              "baleen: " + message + "\n" + (unknown ? "  `baleen schema SECTION` lists the keys of a section\n" : ""));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
  tests::TemporaryFolder folder_;
};

constexpr const char* kRandom = "[data]\ntrain = \"random\"\n";

TEST_F(Check, SumsUpAGoodConfiguration) {
  const Outcome outcome = check(kRandom, "--ranks 4 training.steps=1000 model.kv_heads=2");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, IsEmpty());
  for (const char* part : {"shard 4 x tensor 1 (4 ranks)", "6 heads, 2 KV heads",
                           "1,673,280: embedding 49,344, attention 393,216, MLP 1,179,648, norms 1,728, head 49,344",
                           "2,048 tokens a step: 16 sequences of 128; 1 micro-batch of 4 on each rank",
                           "1,000 steps, 2,048,000 tokens, computing in fp32", "26.3 MiB a rank, activations apart"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(Check, TellsTheFirstLossScale) {
  EXPECT_THAT(check(kRandom, "").out, Not(HasSubstr("loss scale")));
  const char* const fp16 = "precision.compute=fp16 training.global_batch_size=512";
  EXPECT_THAT(check(kRandom, fp16).out, HasSubstr("loss scale  131072 at first, at least 1\n"));
  EXPECT_THAT(check(kRandom, fp16 + std::string(" precision.loss_scale_init=8")).out,
              HasSubstr("loss scale  8 at first"));
}

TEST_F(Check, ResolvedConfigurationIsGoodAgain) {
  const Outcome resolved = check(kRandom, "--resolved optimizer.lr=0.1 'run.name=\"a b\"'");
  ASSERT_EQ(resolved.code, 0) << resolved.err;
  EXPECT_EQ(check(resolved.out, "--resolved").out, resolved.out);
  EXPECT_THAT(resolved.out, AllOf(HasSubstr("name = \"a b\""), HasSubstr("lr = 0.1\n"), HasSubstr("kv_heads = 6")));
}

TEST_F(Check, OneProblemIsOneLine) {
  expect_refused(check("[data]\ntrain = \"random\"\nshufle = true\n"), "run.toml:3:1: unknown key data.shufle",
                 /*unknown=*/true);
  expect_refused(check(kRandom, "model.heads=5"),
                 "override model.heads=5: model.dim (192) is not a multiple of model.heads (5)");
  expect_refused(
      check(kRandom, "launch.device=gpu"),
      "override launch.device=gpu: launch.device must be one of \"auto\", \"cpu\", \"cuda\", but is \"gpu\"; did "
      "you mean \"cuda\"?");
  expect_refused(check(kRandom, "''"), "an argument is empty: was a variable of the shell not set?");
  expect_refused(check("[data\n"),
                 "run.toml:1:6: not valid TOML: Error while parsing table header: expected ']', saw '\\n'");
}

TEST_F(Check, ManyProblemsComeAtOnce) {
  expect_refused(
      check("[model]\nlayer = 3\ndim = \"big\"\n[training]\nsteps = -1\n[data]\ntrain = \"none.h5\"\n",
            "--ranks 3 optimizer.lr=0"),
      "6 problems in run.toml:\n"
      "  run.toml:2:1: unknown key model.layer; did you mean model.layers?\n"
      "  run.toml:3:1: model.dim must be an integer, but is \"big\"\n"
      "  run.toml:5:1: training.steps must be between 1 and 100000000, but is -1\n"
      "  override optimizer.lr=0: optimizer.lr must be greater than 0, but is 0\n"
      "  training.global_batch_size (16) is not a multiple of 3 data ranks x training.micro_batch_size (4) = "
      "12; the nearest that fit: training.global_batch_size=12 or 24, or 2 ranks, or 4 ranks, or "
      "parallelism.pipeline=3\n"
      "  run.toml:7:1: data.train: there is no file none.h5 (from the folder " +
          folder_.path().string() +
          "); `baleen data tokenize TEXT... --output none.h5` makes one; to try without one: data.train=random",
      /*unknown=*/true);
}

TEST_F(Check, AFolderIsNoConfiguration) {
  folder_.write("a/config.toml", "");
  expect_refused(run("$baleen check a", folder_.path()),
                 "a is a folder, not a TOML file; of a run it is a/config.toml");
  expect_refused(run("$baleen check .", folder_.path()), ". is a folder, not a TOML file");
}

TEST_F(Check, MissingFileAndBadRanks) {
  expect_refused(run("$baleen check none.toml", folder_.path()), "cannot read none.toml: No such file or directory");
  const std::string long_name(300, 'x');
  expect_refused(run("$baleen check " + long_name), "cannot read " + long_name + ": File name too long");
  const Outcome no_ranks = check(kRandom, "--ranks 0");
  EXPECT_EQ(no_ranks.code, 2);
  EXPECT_EQ(no_ranks.err, "baleen: --ranks is 0; a run has 1 to 1048576\n");
  EXPECT_EQ(check(kRandom, "--ranks 4294967297").err, "baleen: --ranks is 4294967297; a run has 1 to 1048576\n");
  const Outcome no_config = run("$baleen check");
  EXPECT_EQ(no_config.code, 2);
  EXPECT_THAT(no_config.err, HasSubstr("CONFIG is missing"));
}

TEST_F(Check, ARunThatIsOnlyPlannedNeedsNoDataset) {
  folder_.write("run.toml", "[data]\ntrain = \"none.h5\"\nvalidation = \"none.h5\"\n");
  const Outcome check = run("$baleen check run.toml", folder_.path());
  EXPECT_EQ(check.code, 2);
  EXPECT_THAT(check.err, AllOf(HasSubstr("data.train and data.validation: there is no file none.h5 (from"),
                               Not(HasSubstr("problems"))));
  EXPECT_THAT(run("$baleen check run.toml data.validation=other.h5", folder_.path()).err,
              HasSubstr("data.train and data.validation: there is no file none.h5 and no other.h5 (from"));
  const Outcome plan = run("$baleen plan run.toml --only-this", folder_.path());
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_EQ(run("$baleen plan run.toml data.train='' --only-this", folder_.path()).code, 0);
  EXPECT_EQ(run("$baleen plan run.toml 'data.train=\"\"' --only-this", folder_.path()).code, 0);
}

TEST_F(Check, APlanThatDoesNotFitEndsWithOutOfMemory) {
  folder_.write("run.toml", "[model]\ndim = 8192\nlayers = 80\nheads = 64\n");
  const Outcome plan = run("$baleen plan run.toml --only-this", folder_.path());
  EXPECT_EQ(plan.code, 50) << plan.err;
  EXPECT_THAT(plan.out, HasSubstr("DOES NOT FIT"));
  EXPECT_THAT(plan.err, AllOf(StartsWith("baleen: this layout over 1 rank does not fit "), HasSubstr("--ranks N")));
}

TEST_F(Check, APlanForAnUnknownGpuNamesTheNearest) {
  folder_.write("run.toml", "");
  EXPECT_THAT(run("$baleen plan run.toml --gpu H10", folder_.path()).err,
              StartsWith("baleen: there is no table of a GPU \"H10\"; did you mean h100?\n  known: "));
  EXPECT_THAT(run("$baleen plan run.toml --gpu nofile.toml", folder_.path()).err,
              StartsWith("baleen: there is no file nofile.toml\n  known: "));
}

TEST_F(Check, APlanNamesOnlyWhatIsToBeChanged) {
  folder_.write("run.toml", "");
  const Outcome plan = run("$baleen plan run.toml --ranks 2", folder_.path());
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_THAT(plan.out, AllOf(HasSubstr("\n    as configured\n"), Not(HasSubstr("parallelism.virtual_stages=1")),
                              HasSubstr("\n    parallelism.zero_stage=2\n")));
}

TEST_F(Check, APlanWithoutRanksIsOfTheFewestAndSaysSo) {
  folder_.write("run.toml", "");
  const std::string told = ", the fewest of this mesh, as --ranks is not given; --ranks N plans for N GPUs\n";
  const Outcome one = run("$baleen plan run.toml --only-this", folder_.path());
  EXPECT_THAT(one.out, StartsWith("ranks       1" + told));
  const std::string mesh = "parallelism.tensor=2 parallelism.pipeline=2 ";
  const Outcome four = run("$baleen plan run.toml --only-this " + mesh, folder_.path());
  EXPECT_THAT(four.out, AllOf(StartsWith("ranks       4" + told), HasSubstr("(4 ranks)")));
  EXPECT_THAT(run("$baleen plan run.toml --only-this --ranks 4 " + mesh, folder_.path()).out, Not(HasSubstr(told)));
  EXPECT_THAT(run("$baleen check run.toml data.train=random " + mesh, folder_.path()).out, HasSubstr("(4 ranks)"));
}

TEST(Run, ThatHasNotSavedYetSaysWhenItWill) {
  const tests::TemporaryFolder folder;
  folder.write("config.toml", "[training]\nsteps = 40\n[checkpoint]\nevery = 15\n");
  const Outcome listed = run("$baleen ckpt ls .", folder.path());
  EXPECT_EQ(listed.code, 2);
  EXPECT_EQ(listed.err,
            "baleen: the run . has not saved yet; its first save comes at step 15\n"
            "  if it is under way, wait, or touch ./SAVE to have it save at once; if it has ended, --resume starts it "
            "anew\n");
}

}  // namespace
}  // namespace baleen::apps
