// Steps whose loss or gradient is not finite.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "checkpoint/directory.h"
#include "checkpoint/manifest.h"
#include "core/error.h"
#include "parallel/thread_communicator.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

/// The message that a run which goes wrong ends with.
std::string end_of(const trainer::Config& config, const RunOptions& options) {
  try {
    run_with_threads(config, 2, options);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::numerical);
    return error.what();
  }
  ADD_FAILURE() << "the run must stop";
  return "";
}

/// Trains step by step so that a test can put something wrong into one of them.
class SteppedRun {
 public:
  SteppedRun(const trainer::Config& config, parallel::Communicator& world)
      : mesh_(config.dims(world.size()), world, parallel::device_communicators(at::kCPU)), trainer_(config, mesh_, {}) {
    trainer_.start();
  }

  optim::StepReport step(std::int64_t index) {
    trainer_.train_step(index);
    return trainer_.read_step();
  }
  /// One element of the rounded weights of this rank; the master stays as it is.
  void plant(float value) { trainer_.stage().unit(1).values().narrow(0, 0, 1).fill_(value); }
  void heal() { trainer_.stage().round_masters(); }
  at::Tensor masters() { return trainer_.stage().unit(1).master().clone(); }

 private:
  parallel::Mesh mesh_;
  trainer::Trainer trainer_;
};

TEST(Fp16, PlantedOverflowHalvesTheScaleAndSkipsOneStepOnAllRanks) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp16");
  parallel::run_threads(2, [&](parallel::Communicator& world) {
    SteppedRun run(config, world);
    double first_loss = 0, last_loss = 0;
    for (std::int64_t step = 0; step < 20; ++step) {
      const at::Tensor before = run.masters();
      const bool planted = step == 5;
      if (planted && world.rank() == 1) run.plant(std::numeric_limits<float>::infinity());
      const optim::StepReport report = run.step(step);
      run.heal();
      EXPECT_EQ(report.skip != 0, planted) << "step " << step << " rank " << world.rank();
      EXPECT_EQ(report.used_loss_scale, step <= 5 ? 65536.0 : 32768.0) << "step " << step;
      EXPECT_EQ(before.equal(run.masters()), planted) << "step " << step;
      EXPECT_EQ(report.optimizer_step, step < 5 ? step + 1 : step) << "a skipped step advances nothing";
      if (step == 0) first_loss = report.loss;
      last_loss = report.loss;
    }
    EXPECT_LT(last_loss, 0.8 * first_loss) << "training recovers";
  });
}

TEST(Fp16, HopelessOverflowsStopTheRun) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp16");
  config.training.steps = 100;
  config.optimizer.max_grad_norm = 0;
  config.optimizer.lr = 1e4;  // weights leave FP16's range within a few steps
  config.precision.loss_scale_init = 4;
  EXPECT_THAT(end_of(config, {folder.path() / "run", {}, {}}),
              testing::HasSubstr("20 steps in a row overflowed at the minimum loss scale 1"));
}

class Events : public testing::TestWithParam<const char*> {};  // of precisions with masters of their own

TEST_P(Events, NameTheRankThatWentWrongAndTheFirstParameter) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), GetParam());
  for (const int rank : {0, 1}) {
    RunOptions options{folder.path() / std::to_string(rank), {}, {}};
    options.before_step = overflow_after(5, rank);
    const Outcome outcome = run_with_threads(config, 2, options);
    EXPECT_EQ(std::count(outcome.skipped.begin(), outcome.skipped.end(), true), 1);
    EXPECT_TRUE(outcome.skipped.at(5));
    ASSERT_EQ(outcome.happened.size(), 1u);
    const auto event = nlohmann::json::parse(outcome.happened.front());
    EXPECT_EQ(event["step"], 6);
    EXPECT_EQ(event["data_rank"], rank);
    EXPECT_EQ(event["parameter"], "model.embed_tokens.weight");
    EXPECT_EQ(event["sum_on_rank"], 0) << "which says nothing about whose part of it overflowed";
    EXPECT_EQ(event["message"].get<std::string>(),
              fmt::format("the loss of data rank {} is not finite; the gradient of model.embed_tokens.weight is not "
                          "finite; rank 0 holds the sum",
                          rank));
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Events, testing::Values("bf16", "fp8/tensor", "fp8/block"));

class NotFinite : public testing::TestWithParam<const char*> {};

TEST_P(NotFinite, StepIsSkippedCountedAndStopsTheRunAtTheLimit) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), GetParam());
  config.training.steps = 100;
  config.optimizer.max_grad_norm = 0;
  config.optimizer.lr = 1e30;
  config.numerics.max_bad_steps = 3;
  EXPECT_THAT(end_of(config, {folder.path() / "run", {}, {}}),
              testing::HasSubstr("3 steps in a row had a loss or gradient that is not finite"));
  std::ifstream events(folder.path() / "run" / "events.jsonl");
  const std::string told((std::istreambuf_iterator<char>(events)), {});
  EXPECT_THAT(told, testing::HasSubstr(R"("event":"skipped_step")"));
  EXPECT_THAT(told, testing::HasSubstr("the loss of data rank 0 is not finite"));
  EXPECT_THAT(told, testing::HasSubstr(R"("parameter":"model.embed_tokens.weight","sum_on_rank":0)"));
}

INSTANTIATE_TEST_SUITE_P(Precisions, NotFinite, testing::Values("fp32", "bf16", "fp8/tensor", "fp8/block"));

/// A precision and the counter that stops its runs.
class StoppedAmidBadSteps : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(StoppedAmidBadSteps, ARunThatIsResumedCountsOn) {
  const auto& [precision, counter] = GetParam();
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), precision);
  config.training.steps = 100;
  config.optimizer.max_grad_norm = 0;
  config.optimizer.lr = 1e30;
  config.precision.loss_scale_init = 4;
  config.numerics.max_bad_steps = 8;
  const std::filesystem::path dir = folder.path() / "stopped";
  const auto stop_after_six = [](std::int64_t steps_done) { return trainer::Requests{steps_done == 6, false}; };
  run_with_threads(config, 2, {dir, {}, stop_after_six});
  const std::filesystem::path saved = checkpoint::newest_checkpoint(dir)->path;
  EXPECT_GT(checkpoint::read_manifest(saved).trainer.integer(counter), 1);
  EXPECT_EQ(end_of(config, {dir, saved, {}}), end_of(config, {folder.path() / "whole", {}, {}}));
}

INSTANTIATE_TEST_SUITE_P(Precisions, StoppedAmidBadSteps,
                         testing::Values(std::pair("fp32", "control.consecutive_bad"),
                                         std::pair("fp16", "control.bad_at_min")));

class Collapse : public testing::Test {
 protected:
  /// Goes on from five good steps with a learning rate that ruins all weights at once.
  void run(const std::function<trainer::Requests(std::int64_t)>& requests) const {
    trainer::Config config = tiny_config(folder_.path(), "fp32");
    config.training.steps = 5;
    config.checkpoint.keep = 1;
    run_with_threads(config, 2, {dir_, {}, {}});
    config.training.steps = 100;
    config.checkpoint.every = 1;
    config.optimizer.max_grad_norm = 0;
    config.optimizer.lr = 1e30;
    config.numerics.max_bad_steps = 4;
    EXPECT_THROW(run_with_threads(config, 2, {dir_, checkpoint::newest_checkpoint(dir_)->path, requests}), core::Error);
  }
  std::vector<std::int64_t> steps() const {
    std::vector<std::int64_t> steps;
    for (const auto& listed : checkpoint::list_checkpoints(dir_)) steps.push_back(listed.step);
    return steps;
  }

 private:
  TemporaryFolder folder_;
  std::filesystem::path dir_ = folder_.path() / "run";
};

TEST_F(Collapse, TakesNoGoodCheckpointWithIt) {
  testing::internal::CaptureStderr();
  run({});
  EXPECT_THAT(steps(), testing::ElementsAre(5));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::AllOf(testing::HasSubstr("step 6: not saved, since the norm of the weights"),
                             testing::HasSubstr("step 8: not saved, since the last 2 steps had a loss or gradient that "
                                                "is not finite; earlier checkpoints stay")));
}

TEST_F(Collapse, ASaveThatWasAskedForIsMadeButRemovesNothing) {
  run([](std::int64_t steps_done) { return trainer::Requests{false, steps_done == 7}; });
  EXPECT_THAT(steps(), testing::ElementsAre(5, 7));
}

}  // namespace
}  // namespace baleen::tests
