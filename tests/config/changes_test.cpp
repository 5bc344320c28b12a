// What a run that goes on says of values that are others than it was saved with.

#include "trainer/config_changes.h"

#include <gtest/gtest.h>

#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

class Changes : public testing::Test {
 protected:
  std::string changes(const std::vector<std::string>& overrides, std::int64_t optimizer_step) const {
    const auto path = folder_.write("run.toml", with_data(""));
    return changes_of_course(read_config(path, {}).config, read_config(path, overrides).config, optimizer_step);
  }
  ConfigFolder folder_;
};

TEST_F(Changes, OfWhatMayDifferAreNotTold) {
  EXPECT_EQ(changes({}, 50), "");
  EXPECT_EQ(changes({"run.name=other", "parallelism.zero_stage=3", "checkpoint.keep=7", "training.micro_batch_size=2",
                     "training.validate_every=3", "launch.threads_per_rank=1", "metrics.log_every=1"},
                    50),
            "");
}

TEST_F(Changes, OfTheCourseAreToldWithBothValues) {
  EXPECT_EQ(changes({"run.seed=7", "optimizer.weight_decay=0.5"}, 50),
            "\n  run.seed is 7, was 42\n  optimizer.weight_decay is 0.5, was 0.1");
}

TEST_F(Changes, OfTheLengthTellWhatBecomesOfTheLearningRate) {
  const std::string cosine = changes({"training.steps=200", "optimizer.lr=1"}, 50);
  EXPECT_NE(cosine.find("\n  training.steps is 200, was 100\n  optimizer.lr is 1.0, was "), std::string::npos)
      << cosine;
  EXPECT_NE(cosine.find("\n  so the next learning rate is "), std::string::npos) << cosine;
  EXPECT_EQ(changes({"training.steps=200"}, 100).find("would have been 0"), std::string::npos)
      << "beyond the end of the saved one its last rate holds";
}

}  // namespace
}  // namespace baleen::trainer
