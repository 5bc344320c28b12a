// A run that is stopped and resumed is the run that was not.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "checkpoint/directory.h"
#include "checkpoint/manifest.h"
#include "checkpoint/step_names.h"
#include "core/error.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

namespace fs = std::filesystem;

fs::path step_directory(const fs::path& run_dir, std::int64_t step) {
  return checkpoint::checkpoints_directory(run_dir) / checkpoint::step_directory_name(step);
}

/// The sampler's position, the loss scale, the counters.
std::map<std::string, checkpoint::TrainerState::Value> state_after(const fs::path& run_dir, std::int64_t step) {
  return checkpoint::read_manifest(step_directory(run_dir, step)).trainer.values();
}

/// A run directory that holds what another one held after `step` steps.
fs::path copy_run(const fs::path& from, const fs::path& to, std::int64_t step) {
  fs::create_directories(checkpoint::checkpoints_directory(to));
  fs::copy(step_directory(from, step), step_directory(to, step), fs::copy_options::recursive);
  for (const char* log : {"metrics.jsonl", "events.jsonl"}) fs::copy(from / log, to / log);
  return step_directory(to, step);
}

class Resume : public testing::TestWithParam<const char*> {};

TEST_P(Resume, AtEveryStepGivesTheBitsOfTheUninterruptedRun) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), GetParam());
  config.model.dropout = 0.1;
  config.data.validation = config.data.train;
  config.training.validate_every = 3;
  config.training.validation_sequences = 8;
  config.precision.loss_scale_init = 1 << 24;  // too much for FP16, and again soon after each doubling
  config.precision.loss_scale_growth_interval = 3;
  config.precision.loss_scale_hysteresis = 2;  // a state of its own, between two overflows
  config.checkpoint.every = 1;
  config.checkpoint.keep = 0;
  const fs::path whole_dir = folder.path() / "whole";
  const Outcome whole = run_with_threads(config, 2, {whole_dir, {}, {}});
  ASSERT_EQ(whole.losses.size(), 20u);
  const bool overflows = std::string(GetParam()) == "fp16";
  const auto skips = std::count(whole.skipped.begin() + 6, whole.skipped.end(), true);
  ASSERT_EQ(skips > 0, overflows) << "an overflow in the midst of the run is part of what is tested";
  ASSERT_EQ(whole.happened.size(),
            7u + static_cast<std::size_t>(std::count(whole.skipped.begin(), whole.skipped.end(), true)));
  config.checkpoint.every = 0;
  for (std::int64_t step = 1; step < 20; ++step) {
    const fs::path dir = folder.path() / std::to_string(step);
    const Outcome resumed = run_with_threads(config, 2, {dir, copy_run(whole_dir, dir, step), {}});
    EXPECT_EQ(bits(resumed.losses), bits(whole.losses)) << "resumed after step " << step;
    EXPECT_EQ(bits(resumed.grad_norms), bits(whole.grad_norms)) << "resumed after step " << step;
    EXPECT_EQ(resumed.loss_scales, whole.loss_scales) << "resumed after step " << step;
    EXPECT_EQ(resumed.parameters, whole.parameters) << "resumed after step " << step;
    EXPECT_EQ(resumed.skipped, whole.skipped) << "resumed after step " << step;
    EXPECT_EQ(resumed.happened, whole.happened) << "resumed after step " << step;
    EXPECT_EQ(state_after(dir, 20), state_after(whole_dir, 20)) << "resumed after step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Resume,
                         testing::Values("fp64", "fp32", "bf16", "fp16", "fp8/tensor", "fp8/block"));

std::string content(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Resume, OfAFinishedRunSaysSoAndTouchesNothing) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp32");
  config.training.steps = 3;
  config.data.validation = config.data.train;
  const fs::path dir = folder.path() / "run";
  const Outcome whole = run_with_threads(config, 2, {dir, {}, {}});
  const std::string events = content(dir / "events.jsonl");
  EXPECT_THAT(events, testing::HasSubstr(R"("event":"validation","step":3)"));
  const fs::path manifest = step_directory(dir, 3) / "manifest.json";
  const auto saved = fs::last_write_time(manifest);

  testing::internal::CaptureStderr();
  const Outcome again = run_with_threads(config, 2, {dir, step_directory(dir, 3), {}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "the run is finished: 3 of 3 steps are done; to go on, raise training.steps\n");
  EXPECT_EQ(again.code, core::ExitCode::ok);
  EXPECT_EQ(again.parameters, whole.parameters);
  EXPECT_EQ(content(dir / "events.jsonl"), events);
  EXPECT_EQ(fs::last_write_time(manifest), saved);
}

TEST(Stop, OnRequestSavesAndAsksToBeRequeued) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp32");
  const Outcome whole = run_with_threads(config, 2, {folder.path() / "whole", {}, {}});

  const fs::path dir = folder.path() / "stopped";
  const auto stop_after_seven = [](std::int64_t steps_done) { return trainer::Requests{steps_done == 7, false}; };
  const Outcome stopped = run_with_threads(config, 2, {dir, {}, stop_after_seven});
  EXPECT_EQ(stopped.code, core::ExitCode::requeue);
  EXPECT_EQ(stopped.losses.size(), 7u) << "every step that was done has its line";
  const auto newest = checkpoint::newest_checkpoint(dir);
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->path, step_directory(dir, 7));

  const Outcome resumed = run_with_threads(config, 2, {dir, newest->path, {}});
  EXPECT_EQ(resumed.code, core::ExitCode::ok);
  EXPECT_EQ(bits(resumed.losses), bits(whole.losses));
  EXPECT_EQ(resumed.parameters, whole.parameters);
}

TEST(Save, OnRequestSavesAndGoesOn) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp32");
  const auto save_after_five = [](std::int64_t steps_done) { return trainer::Requests{false, steps_done == 5}; };
  const Outcome outcome = run_with_threads(config, 2, {folder.path() / "run", {}, save_after_five});
  EXPECT_EQ(outcome.code, core::ExitCode::ok);
  EXPECT_EQ(outcome.losses.size(), 20u);
  EXPECT_TRUE(fs::exists(step_directory(folder.path() / "run", 5) / "manifest.json"));
}

/// As a full disk does: from step 6 on a file stands where checkpoints go, until the folder is back after `until`.
RunOptions without_disk(const fs::path& dir, std::int64_t until) {
  const fs::path checkpoints = checkpoint::checkpoints_directory(dir), aside = dir / "aside";
  RunOptions options{dir, {}, {}};
  options.requests = [=](std::int64_t steps_done) {
    if (steps_done == 6) {
      fs::rename(checkpoints, aside);
      std::ofstream(checkpoints) << "no folder";
    }
    if (steps_done == until) {
      fs::remove(checkpoints);
      fs::rename(aside, checkpoints);
    }
    return trainer::Requests{false, steps_done == 7};
  };
  return options;
}

TEST(Save, ThatTheDiskDoesNotTakeOnTheWayDoesNotEndTheRun) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp32");
  config.checkpoint.every = 4;
  config.checkpoint.keep = 0;
  const Outcome whole = run_with_threads(config, 2, {folder.path() / "whole", {}, {}});
  const fs::path dir = folder.path() / "run";
  testing::internal::CaptureStderr();
  const Outcome outcome = run_with_threads(config, 2, without_disk(dir, 10));
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(outcome.code, core::ExitCode::ok);
  EXPECT_EQ(bits(outcome.losses), bits(whole.losses));
  EXPECT_EQ(outcome.parameters, whole.parameters);
  for (const std::int64_t step : {4, 12, 16, 20}) EXPECT_TRUE(fs::exists(step_directory(dir, step))) << step;
  for (const std::int64_t step : {7, 8}) {
    EXPECT_FALSE(fs::exists(step_directory(dir, step)));
    EXPECT_THAT(told, testing::HasSubstr(fmt::format("warning: step {}: not saved: cannot make the folder ", step)));
    EXPECT_THAT(content(dir / "events.jsonl"),
                testing::HasSubstr(fmt::format(R"("event":"save_failed","step":{})", step)));
  }
}

TEST(Save, ThatTheDiskDoesNotTakeAtTheEndIsTheRunsExitCode) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp32");
  config.checkpoint.every = 4;
  config.metrics.log_every = 1;
  const fs::path dir = folder.path() / "run";
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  try {
    run_with_threads(config, 2, without_disk(dir, /*until=*/-1));
    ADD_FAILURE() << "it is not saved";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::storage);
    EXPECT_THAT(error.what(), testing::StartsWith("step 20: not saved: "));
    EXPECT_THAT(error.next_action(), testing::EndsWith("; --resume then goes on from step 4"));
  }
  (void)testing::internal::GetCapturedStderr();
  const std::string told = testing::internal::GetCapturedStdout();
  EXPECT_THAT(told, testing::ContainsRegex("\n +20 .* 0s\n$")) << "no word of an end before all is saved";
  EXPECT_TRUE(fs::exists(dir / "aside" / "step-00000004" / "manifest.json")) << "the one before stays";
}

TEST(Resume, UnderAnotherNumberOfRanksGoesOnWithTheSameRun) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp64");
  const auto stop_after_ten = [](std::int64_t steps_done) { return trainer::Requests{steps_done == 10, false}; };
  const Outcome whole = run_with_threads(config, 1, {folder.path() / "whole", {}, {}});
  const fs::path dir = folder.path() / "moved";
  run_with_threads(config, 4, {dir, {}, stop_after_ten});
  const Outcome resumed = run_with_threads(config, 1, {dir, step_directory(dir, 10), {}});
  ASSERT_EQ(resumed.losses.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(resumed.losses[i] / whole.losses[i], 1.0, 1e-12) << "step " << i + 1;
}

}  // namespace
}  // namespace baleen::tests
