// Sizes that no machine holds, problems that an override makes, datasets that are not there.

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Sizes, EveryFieldHasARange) {
  const ConfigFolder folder;
  for (const char* key : {"model.layers", "model.dim", "model.heads", "model.kv_heads", "model.ffn_dim",
                          "model.vocab_size", "model.max_sequence_length", "training.steps",
                          "training.global_batch_size", "training.micro_batch_size", "training.sequence_length",
                          "training.validation_sequences", "lr_scheduler.warmup_steps", "lr_scheduler.decay_steps"}) {
    const std::string override = std::string(key) + "=1000000000";
    EXPECT_THAT(folder.problems("", {override}),
                ElementsAre(testing::StartsWith("override " + override + ": " + key + " must be between ")));
  }
  EXPECT_THAT(
      folder.problems("", {"model.dim=99999999999999999999"}),
      ElementsAre("override model.dim=99999999999999999999: 99999999999999999999 is too large for an integer of "
                  "64 bits"));
}

TEST(Sizes, ProductsAreRefusedBeforeTheyAreMultiplied) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems("", {"model.dim=1048576", "model.heads=4096", "model.layers=16384",
                                   "model.ffn_dim=4194304", "model.vocab_size=16777216"}),
              ElementsAre(HasSubstr("override model.dim=1048576: model.layers (16384), model.dim (1048576), "
                                    "model.ffn_dim (4194304) and model.vocab_size (16777216) make up to 2.9e+17 "
                                    "parameters; the most is 1e+13")));
  EXPECT_THAT(folder.problems("", {"training.micro_batch_size=1048576", "training.global_batch_size=1048576",
                                   "training.sequence_length=16384", "model.max_sequence_length=16384"}),
              ElementsAre(HasSubstr("is 1.7e+10 tokens at once; the most is 2.1e+09")));
  EXPECT_THAT(folder.problems("", {"training.micro_batch_size=1048576", "training.global_batch_size=1048576",
                                   "training.sequence_length=1024", "model.layers=16384"}),
              ElementsAre(HasSubstr("1073741824 tokens at once (training.micro_batch_size x training.sequence_length) "
                                    "through 16384 layers")));
  EXPECT_THAT(folder.problems("", {"training.steps=100000000", "training.global_batch_size=16777216",
                                   "training.micro_batch_size=1024", "training.sequence_length=1024"}),
              ElementsAre(HasSubstr("is 1.7e+18 tokens; the most is 1e+18")));
  EXPECT_THAT(folder.problems("", {"training.global_batch_size=16777216"}),
              ElementsAre(HasSubstr("makes 4194304 micro-batches of training.micro_batch_size (4) for each data rank; "
                                    "the most is 65536")));
}

TEST(Sizes, TheLargestThatPassAreCountedRight) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems("", {"model.layers=400", "model.dim=32768", "model.heads=256", "model.ffn_dim=131072",
                                   "model.vocab_size=1000000", "training.steps=10000000"}),
              IsEmpty());
}

TEST(Overrides, AProblemThatOneMakesStandsAtIt) {
  const ConfigFolder folder;
  EXPECT_THAT(
      folder.problems("[lr_scheduler]\nwarmup_steps = 50\n[model]\ndim = 192\n",
                      {"training.steps=20", "model.heads=5"}),
      ElementsAre("override model.heads=5: model.dim (192) is not a multiple of model.heads (5)",
                  "override training.steps=20: lr_scheduler.warmup_steps (50) is more than training.steps (20); the "
                  "most that fits: lr_scheduler.warmup_steps=20"));
}

TEST(Datasets, AMissingOneIsExplainedAndAPlanNeedsNone) {
  const ConfigFolder folder;
  const std::string text = "[data]\ntrain = \"nowhere.h5\"\nvalidation = \"FOLDER/nowhere.h5\"\n";
  EXPECT_THAT(folder.problems(text),
              ElementsAre("run.toml:2:1: data.train and data.validation: there is no file nowhere.h5 and no nowhere.h5 "
                          "(from the folder " +
                          std::filesystem::current_path().string() +
                          "); `baleen data tokenize TEXT... --output nowhere.h5` makes one; to try without: "
                          "data.train=random data.validation=random"));
  EXPECT_THAT(folder.problems("[data]\nvalidation = \"FOLDER/nowhere.h5\"\n", {"data.train=random"}),
              ElementsAre("run.toml:2:1: data.validation: there is no file nowhere.h5; `baleen data tokenize TEXT... "
                          "--output nowhere.h5` makes one"));
  const ReadConfig read = read_config(folder.write("run.toml", text), {});
  EXPECT_THAT(validate(read.config, 1, Datasets::may_be_missing), IsEmpty());
  const ReadConfig small = read_config(folder.write("run.toml", "[data]\ntrain = \"FOLDER/tokens.h5\"\n"), {});
  EXPECT_EQ(validate(small.config, 1, Datasets::may_be_missing).size(), 0u);
  const ReadConfig misfit =
      read_config(folder.write("run.toml", "[data]\ntrain = \"FOLDER/tokens.h5\"\n"), {"model.vocab_size=100"});
  EXPECT_EQ(validate(misfit.config, 1, Datasets::may_be_missing).size(), 1u) << "one that is there has to fit";
}

TEST(Advice, TheListOfKeysIsOfferedForUnknownNamesOnly) {
  const ConfigFolder folder;
  const auto advice = [&](const std::vector<std::string>& overrides) {
    try {
      load_checked_config(folder.write("run.toml", with_data("")), overrides, 1);
    } catch (const core::Error& error) {
      return error.next_action();
    }
    return std::string("no problem");
  };
  for (const char* unknown : {"model.dmi=3", "modle.dim=3"})
    EXPECT_THAT(advice({"training.steps=0", unknown}), HasSubstr("baleen schema SECTION")) << unknown;
  for (const char* wrong : {"training.steps=0", "model.heads=5", "training.steps"})
    EXPECT_EQ(advice({wrong}), "") << wrong;
}

}  // namespace
}  // namespace baleen::trainer
