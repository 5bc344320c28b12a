// In a steady step the host waits for nothing, and the driver is not asked for memory.

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <gmock/gmock.h>

#include <limits>
#include <optional>

#include "parallel/nccl_communicator.h"
#include "parallel/thread_communicator.h"
#include "tests/trainer/driver_calls.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Key;

const at::Device kGpu(at::kCUDA, 0);

trainer::Config gpu_config(const std::filesystem::path& folder, const std::string& precision, bool deterministic) {
  trainer::Config config = tiny_config(folder, precision);
  config.run.deterministic = deterministic;
  config.model.dim = 128;
  config.model.ffn_dim = 160;
  config.model.dropout = 0.1;
  config.training.micro_batch_size = 4;
  return config;
}

using Work = std::function<void(trainer::Trainer&)>;

/// A trainer on one GPU after five steps: what `work` makes it do.
std::map<std::string, int> calls_of(const trainer::Config& config, const Work& work) {
  std::map<std::string, int> calls;
  parallel::run_threads(1, [&](parallel::Communicator& world) {
    parallel::Mesh mesh(config.dims(1), world, parallel::device_communicators(kGpu), trainer::mesh_options(config));
    trainer::TrainerOptions options;
    options.device = kGpu;
    trainer::Trainer trainer(config, mesh, options);
    trainer.start();
    for (int step = 0; step < 5; ++step) {
      trainer.train_step(step);
      if (step == 0) trainer.complete_product_plans();
    }
    c10::cuda::device_synchronize();  // so that pinned memory of the first steps is free again
    calls = driver_calls([&] { work(trainer); });
  });
  return calls;
}

class SteadyStep : public testing::TestWithParam<std::tuple<const char*, bool>> {
 protected:
  TemporaryFolder folder_;
  trainer::Config config_ = gpu_config(folder_.path(), std::get<0>(GetParam()), std::get<1>(GetParam()));
};

TEST_P(SteadyStep, WaitsForNothingAndAllocatesNothing) {
  EXPECT_THAT(calls_of(config_,
                       [](trainer::Trainer& trainer) {
                         for (int step = 5; step < 9; ++step) trainer.train_step(step);
                       }),
              IsEmpty());
}

TEST_P(SteadyStep, ThatIsSkippedCostsNoWaitEither) {
  bool skipped = false;
  EXPECT_THAT(calls_of(config_,
                       [](trainer::Trainer& trainer) {
                         trainer.stage().unit(1).values().narrow(0, 0, 1).fill_(std::numeric_limits<float>::infinity());
                         for (int step = 5; step < 8; ++step) trainer.train_step(step);
                       }),
              IsEmpty());
  calls_of(config_, [&](trainer::Trainer& trainer) {
    trainer.stage().unit(1).values().narrow(0, 0, 1).fill_(std::numeric_limits<float>::infinity());
    trainer.train_step(5);
    skipped = trainer.read_step().skip != 0;
  });
  EXPECT_TRUE(skipped) << "the test plants what it says";
}

/// At its border the loop waits for the step before: for one event of the outcome and two of the clock. That a step was
/// skipped is told without another wait.
TEST_P(SteadyStep, HasABorderThatWaitsForTheStepBeforeOnly) {
  constexpr std::int64_t kFirst = 6, kSteps = 5;
  config_.training.steps = 14;
  std::optional<DriverCalls> counting;
  std::map<std::string, int> calls;
  RunOptions options{folder_.path() / "run", {}, {}};
  options.device = kGpu;
  const auto overflow = overflow_after(kFirst + 1, 0);
  options.before_step = [&](trainer::Trainer& trainer, int rank) {
    overflow(trainer, rank);
    if (trainer.steps_done() == kFirst) counting.emplace();
    if (trainer.steps_done() == kFirst + kSteps) calls = counting->stop();
  };
  const Outcome outcome = run_with_threads(config_, 1, options);
  EXPECT_TRUE(outcome.skipped.at(kFirst + 1));
  EXPECT_EQ(calls["cudaEventSynchronize"], 3 * kSteps);
  calls.erase("cudaEventSynchronize");
  calls.erase("cuEventSynchronize");  // inside of it
  EXPECT_THAT(calls, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Precisions, SteadyStep, testing::Combine(testing::Values("bf16", "fp16"), testing::Bool()));

TEST(DriverCalls, PlantedOnesAreCounted) {
  const at::Tensor there = at::empty({1 << 10}, at::TensorOptions(kGpu).dtype(at::kFloat)).zero_();
  EXPECT_THAT(driver_calls([&] { there.add_(1); }), IsEmpty());
  EXPECT_THAT(driver_calls([&] { there.narrow(0, 0, 1).item(); }), Contains(Key("cudaStreamSynchronize")));
  EXPECT_THAT(driver_calls([] { c10::cuda::device_synchronize(); }), Contains(Key("cudaDeviceSynchronize")));
  const at::Tensor here = at::empty({1 << 10}, at::TensorOptions().dtype(at::kFloat)).zero_();
  EXPECT_THAT(driver_calls([&] { at::Tensor(there).copy_(here, /*non_blocking=*/true); }),
              Contains(Key("cudaMemcpyAsync of pageable memory")));
  c10::cuda::CUDACachingAllocator::emptyCache();
  EXPECT_THAT(driver_calls([] { at::empty({1 << 24}, at::TensorOptions(kGpu).dtype(at::kFloat)); }),
              Contains(Key("cudaMalloc")));
}

}  // namespace
}  // namespace baleen::tests
