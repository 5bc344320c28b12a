// Overrides as a shell hands them over: parted at spaces, without their quotes.

#include <gmock/gmock.h>

#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Overrides, WithNothingBehindTheEqualsSignAreTheEmptyString) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems("", {"data.validation=", "run.name="}, 1), IsEmpty());
  EXPECT_THAT(folder.problems("", {"training.steps="}, 1),
              ElementsAre("override training.steps=: training.steps must be an integer, but is \"\""));
}

TEST(Overrides, WithSpacesAroundTheEqualsSignAreToldHowToBeWritten) {
  const ConfigFolder folder;
  EXPECT_THAT(
      folder.problems("", {"training.steps", "=", "3", "optimizer.lr", "=3", "model.dim=", "8", "run.name=good"}, 1),
      ElementsAre("override training.steps = 3: write it without spaces around the =, as one word: training.steps=3",
                  "override optimizer.lr =3: write it without spaces around the =, as one word: optimizer.lr=3",
                  "override model.dim= 8: write it without spaces around the =, as one word: model.dim=8"));
}

TEST(Overrides, OfListsWithSpacesAreToldToBeQuoted) {
  const ConfigFolder folder;
  EXPECT_THAT(
      folder.problems("", {"optimizer.betas=[0.9,", "0.95]", "run.name=good"}, 1),
      ElementsAre(
          "override optimizer.betas=[0.9, 0.95]: spaces part it for the shell: write 'optimizer.betas=[0.9, 0.95]'"));
  EXPECT_THAT(
      folder.problems("", {"optimizer.betas", "=", "[0.9,", "0.95]", "run.name=good"}, 1),
      ElementsAre(
          "override optimizer.betas = [0.9, 0.95]: spaces part it for the shell: write 'optimizer.betas=[0.9, 0.95]'"));
}

TEST(Overrides, WithoutAKeyAreToldTheirForm) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems("", {"=5"}, 1), ElementsAre("override =5: must have the form section.key=VALUE"));
}

}  // namespace
}  // namespace baleen::trainer
