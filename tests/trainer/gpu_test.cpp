// The training loop on a GPU, where the host reads each step's outcome one step late.

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "checkpoint/directory.h"
#include "checkpoint/step_names.h"
#include "core/filesystem.h"
#include "tests/trainer/tiny_run.h"
#include "trainer/trace_times.h"

namespace baleen::tests {
namespace {

namespace fs = std::filesystem;

class Gpu : public testing::TestWithParam<const char*> {
 protected:
  static trainer::Config config(const fs::path& folder) {
    trainer::Config config = tiny_config(folder, GetParam());
    config.model.dim = 128;
    config.model.ffn_dim = 160;
    config.model.dropout = 0.1;
    config.data.validation = config.data.train;
    config.training.validate_every = 4;
    config.training.validation_sequences = 8;
    return config;
  }

  static RunOptions run_in(const fs::path& dir) {
    RunOptions options{dir, {}, {}};
    options.device = at::Device(at::kCUDA, 0);
    return options;
  }
};

TEST_P(Gpu, StoppedAndResumedIsTheRunThatWasNot) {
  const TemporaryFolder folder;
  trainer::Config config = Gpu::config(folder.path());
  config.precision.loss_scale_init = 1 << 24;  // too much for FP16, and again soon after each doubling
  config.precision.loss_scale_growth_interval = 3;
  const Outcome whole = run_with_threads(config, 1, run_in(folder.path() / "whole"));
  ASSERT_EQ(whole.losses.size(), 20u);
  EXPECT_LT(whole.losses.back(), 0.9 * whole.losses.front());
  const auto skips = std::count(whole.skipped.begin(), whole.skipped.end(), true);
  EXPECT_EQ(skips > 0, std::string(GetParam()) == "fp16");
  EXPECT_EQ(whole.happened.size(), 5u + static_cast<std::size_t>(skips));

  const Outcome again = run_with_threads(config, 1, run_in(folder.path() / "again"));
  EXPECT_EQ(again.parameters, whole.parameters) << "run.deterministic: the same bits each time";

  for (const std::int64_t stop : {1, 4, 7, 12, 19}) {
    RunOptions options = run_in(folder.path() / std::to_string(stop));
    options.requests = [stop](std::int64_t steps_done) { return trainer::Requests{steps_done == stop, false}; };
    const Outcome stopped = run_with_threads(config, 1, options);
    EXPECT_EQ(stopped.code, core::ExitCode::requeue);
    EXPECT_EQ(stopped.losses.size(), static_cast<std::size_t>(stop)) << "every step that was done has its line";
    const auto newest = checkpoint::newest_checkpoint(options.run_dir);
    ASSERT_TRUE(newest.has_value());
    EXPECT_EQ(checkpoint::step_of(newest->path.filename().string()), stop);

    options.resume = newest->path;
    options.requests = nullptr;
    const Outcome resumed = run_with_threads(config, 1, options);
    EXPECT_EQ(bits(resumed.losses), bits(whole.losses)) << "resumed after step " << stop;
    EXPECT_EQ(bits(resumed.grad_norms), bits(whole.grad_norms)) << "resumed after step " << stop;
    EXPECT_EQ(resumed.loss_scales, whole.loss_scales) << "resumed after step " << stop;
    EXPECT_EQ(resumed.skipped, whole.skipped) << "resumed after step " << stop;
    EXPECT_EQ(resumed.happened, whole.happened) << "resumed after step " << stop;
    EXPECT_EQ(resumed.parameters, whole.parameters) << "resumed after step " << stop;
  }
}

TEST_P(Gpu, ProductsAreMeasuredOnceForAllRunsThatFollow) {
  const TemporaryFolder folder;
  ::setenv("BALEEN_CACHE", (folder.path() / "cache").c_str(), 1);
  trainer::Config config = Gpu::config(folder.path());
  config.run.deterministic = false;
  const Outcome first = run_with_threads(config, 1, run_in(folder.path() / "first"));
  EXPECT_LT(first.losses.back(), 0.9 * first.losses.front());
  const std::string plans = core::read_file(folder.path() / "first" / "products.txt");
  EXPECT_TRUE(plans.starts_with("# ")) << plans;
  EXPECT_GT(std::count(plans.begin(), plans.end(), '='), 5);
  const fs::path cache = fs::directory_iterator(folder.path() / "cache" / "products")->path();
  EXPECT_EQ(core::read_file(cache), plans);

  core::write_file_atomically(cache, "# another GPU\n" + plans.substr(plans.find('\n') + 1));
  const Outcome second = run_with_threads(config, 1, run_in(folder.path() / "second"));
  EXPECT_EQ(second.losses.size(), 20u) << "plans for another GPU are none";
  config.run.deterministic = true;
  run_with_threads(config, 1, run_in(folder.path() / "third"));
  EXPECT_FALSE(fs::exists(folder.path() / "third" / "products.txt"));
  ::unsetenv("BALEEN_CACHE");
}

TEST_P(Gpu, APlantedOverflowIsSkippedExactlyOnce) {
  const TemporaryFolder folder;
  const trainer::Config config = Gpu::config(folder.path());
  for (const std::int64_t step : {5, 8}) {  // 8: the first step after a validation
    RunOptions options = run_in(folder.path() / std::to_string(step));
    options.before_step = overflow_after(step, 0);
    const Outcome outcome = run_with_threads(config, 1, options);
    ASSERT_EQ(outcome.skipped.size(), 20u);
    const bool dynamic = std::string(GetParam()) == "fp16";
    for (std::int64_t i = 0; i < 20; ++i) {
      const auto at = static_cast<std::size_t>(i);
      EXPECT_EQ(outcome.skipped[at], i == step) << "step " << i + 1;
      EXPECT_EQ(outcome.loss_scales[at], !dynamic ? 1.0 : i <= step ? 65536.0 : 32768.0) << "step " << i + 1;
    }
    const auto skips = std::count_if(outcome.happened.begin(), outcome.happened.end(), [](const std::string& line) {
      return line.find("skipped_step") != std::string::npos;
    });
    EXPECT_EQ(skips, 1);
    EXPECT_LT(outcome.losses.back(), 0.9 * outcome.losses.front()) << "training recovers";
  }
}

TEST_P(Gpu, NoStepIsToldToBeShorterThanItWas) {
  const TemporaryFolder folder;
  trainer::Config config = Gpu::config(folder.path());
  config.training.steps = 40;
  const std::vector<double> seconds = run_with_threads(config, 1, run_in(folder.path() / "run")).seconds;
  ASSERT_EQ(seconds.size(), 40u);
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < seconds.size(); ++i)
    EXPECT_GT(seconds[i], sorted[20] / 5) << "step " << i + 1 << (i % 4 == 3 ? ", the last before a validation" : "");
}

TEST_P(Gpu, ATracedStepHasTheTimesOfTheDevice) {
  const TemporaryFolder folder;
  trainer::Config config = Gpu::config(folder.path());
  config.training.steps = 8;
  config.metrics.trace_step = 6;
  const fs::path run = folder.path() / "run";
  const double seconds = run_with_threads(config, 1, run_in(run)).seconds.at(5);
  const trainer::TracedStep step = trainer::read_trace(*trainer::newest_trace(run));
  ASSERT_EQ(step.ranks.size(), 1u);
  const parallel::RankTrace& trace = step.ranks.front();
  const trainer::RankTimes times = trainer::rank_times(trace);
  EXPECT_LE(times.step, 1.01 * seconds + 1e-4);
  EXPECT_GT(times.step, 0.2 * seconds);
  EXPECT_EQ(times.exposed(), 0);
  EXPECT_GT(times.of(trainer::TimeClass::forward) + times.of(trainer::TimeClass::backward), 0.1 * times.step);
  double free = 0;
  for (const parallel::TracedSpan& span : trace) {
    EXPECT_GE(span.end, span.start);
    if (span.kind != parallel::TracedSpan::Kind::action) continue;
    EXPECT_GE(span.start, free - 2e-6) << "events tell half a microsecond";
    free = span.end;
  }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Gpu, testing::Values("bf16", "fp16", "fp8/tensor", "fp8/block"));

}  // namespace
}  // namespace baleen::tests
