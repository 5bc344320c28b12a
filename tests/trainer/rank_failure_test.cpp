// A rank that fails inside a step ends the run; it says which step it was.

#include <gmock/gmock.h>

#include <atomic>

#include "checkpoint/directory.h"
#include "core/error.h"
#include "parallel/thread_communicator.h"
#include "tests/trainer/failing_communicator.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

TEST(RankFailure, EndsTheRunWithTheStepAndTheCodeOfTheRankThatFailed) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp32");
  for (const int rank : {0, 2}) {
    RunOptions options{.run_dir = folder.path() / std::to_string(rank)};
    options.communicators = failing_in_step_3(rank);
    try {
      run_with_threads(config, 4, options);
      ADD_FAILURE() << "the run went on";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::storage);
      EXPECT_STREQ(error.what(), rank == 0 ? "rank 0: step 3: a planted fault" : "step 3: a planted fault");
      EXPECT_EQ(error.next_action(), "plant none");
    }
  }
}

/// Counts what is asked of the device.
class CountingCommunicator final : public parallel::CommunicatorDecorator {
 public:
  CountingCommunicator(std::unique_ptr<Communicator> inner, std::atomic<int>& count)
      : CommunicatorDecorator(std::move(inner)), count_(count) {}
  parallel::WorkPtr all_reduce(const at::Tensor& tensor, parallel::ReduceOp op) override {
    ++count_;
    return CommunicatorDecorator::all_reduce(tensor, op);
  }
  parallel::WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    ++count_;
    return CommunicatorDecorator::all_gather(output, input);
  }

 private:
  std::atomic<int>& count_;
};

// A rank that fails to construct or to resume does not come to a collective, and over NCCL the others would wait for it
// without an end.
TEST(RankFailure, MayComeWhileATrainerIsMadeOrResumesSinceNoCollectiveBeginsThere) {
  const TemporaryFolder folder;
  trainer::Config config = tiny_config(folder.path(), "fp32");
  config.parallelism.zero_stage = 2;
  config.training.steps = 3;
  run_with_threads(config, 2, {.run_dir = folder.path() / "run"});
  const auto checkpoint = checkpoint::newest_checkpoint(folder.path() / "run");
  ASSERT_TRUE(checkpoint.has_value());
  config.training.steps = 4;
  std::atomic<int> calls = 0;
  parallel::run_threads(2, [&](parallel::Communicator& world) {
    const auto counted = [&](parallel::Communicator& host, const std::string&) {
      return std::unique_ptr<parallel::Communicator>(
          std::make_unique<CountingCommunicator>(host.split(0, host.rank()), calls));
    };
    parallel::Mesh mesh(config.dims(2), world, counted, trainer::mesh_options(config));
    trainer::Trainer trainer(config, mesh, {});
    trainer.resume(checkpoint->path);
    world.barrier();
    EXPECT_EQ(calls, 0);
    world.barrier();
    trainer.start();
    EXPECT_GT(calls, 0) << "the weights are made whole at the start";
  });
}

}  // namespace
}  // namespace baleen::tests
