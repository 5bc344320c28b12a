// What a run will execute is proven before it starts.

#include <gmock/gmock.h>

#include <algorithm>

#include "core/error.h"
#include "tests/planner/fixture.h"
#include "trainer/execution_plan.h"

namespace baleen::trainer {
namespace {

using planner::tiny_plan_config;

ExecutionPlan plan_of(const Config& config) {
  return execution_plan(config, config.dims(2 * config.parallelism.pipeline));
}

TEST(ExecutionPlan, IsProvenForEveryScheduleAndZeroStage) {
  for (const char* schedule : {"gpipe", "1f1b", "interleaved", "zero_bubble"})
    for (const char* zero_stage : {"0", "3"}) {
      SCOPED_TRACE(std::string(schedule) + zero_stage);
      const Config config = tiny_plan_config(
          {"model.layers=33", "parallelism.pipeline=16", "training.global_batch_size=128",
           std::string("parallelism.schedule=") + schedule, std::string("parallelism.zero_stage=") + zero_stage});
      EXPECT_NO_THROW(plan_of(config).prove(config.model));
    }
}

TEST(ExecutionPlan, CountsWhatIsRecomputedWhereStagesAreBalanced) {
  const auto layers = [](const char* vocabulary, const char* recompute) {
    return stage_layers(
        tiny_plan_config({"model.layers=12", "parallelism.pipeline=2", std::string("model.vocab_size=") + vocabulary,
                          std::string("training.recompute=") + recompute}));
  };
  // A head of nearly 4 layers' cost, 3.5 with the MLP recomputed, 3 with all.
  EXPECT_THAT(layers("4870", "none"), testing::ElementsAre(8, 4));
  EXPECT_THAT(layers("4870", "mlp"), testing::ElementsAre(8, 4));
  EXPECT_THAT(layers("4870", "block"), testing::ElementsAre(7, 5));
  // Of 3.4, 2.98 and 2.6.
  EXPECT_THAT(layers("4140", "none"), testing::ElementsAre(8, 4));
  EXPECT_THAT(layers("4140", "mlp"), testing::ElementsAre(7, 5));
  EXPECT_THAT(layers("4140", "block"), testing::ElementsAre(7, 5));
}

TEST(ExecutionPlan, HasNoContextAxisYet) {
  const Config config = tiny_plan_config({});
  parallel::ParallelDims dims = config.dims(2);
  dims.context = 2;
  EXPECT_THROW(execution_plan(config, dims), core::Error);
}

TEST(ExecutionPlan, IsRefusedWhereItsScheduleIsWrong) {
  const Config config = tiny_plan_config({"parallelism.pipeline=2", "parallelism.schedule=gpipe"});
  const auto expect_refusal = [&](const ExecutionPlan& plan, const char* message) {
    try {
      plan.prove(config.model);
      ADD_FAILURE() << "was proven, though " << message;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::internal);
      EXPECT_THAT(error.what(), testing::HasSubstr(message));
    }
  };
  ExecutionPlan incomplete = plan_of(config), deadlocked = incomplete, validation = incomplete;
  incomplete.training.back().pop_back();
  expect_refusal(incomplete, "schedule of rank 1");
  // Rank 0 waits for the first gradient with its second forward still to run, which rank 1 wants before any backward.
  const auto first = deadlocked.training.front().begin();
  std::rotate(first + 1, first + 2, first + 4);
  expect_refusal(deadlocked, "waits for what never comes");
  validation.forward.back().pop_back();
  expect_refusal(validation, "every message of a schedule is received");
}

}  // namespace
}  // namespace baleen::trainer
