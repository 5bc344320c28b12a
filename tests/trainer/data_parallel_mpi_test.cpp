// The same over MPI: all ranks against rank 0 alone.

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <optional>

#include "launch/process.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

launch::Process* g_process = nullptr;

/// One folder for all ranks, with the dataset in it; goes with rank 0.
class SharedFolder {
 public:
  explicit SharedFolder(const std::string& name) {
    parallel::Communicator& world = g_process->world();
    if (world.rank() == 0) {
      own_.emplace(name);
      (void)tiny_config(own_->path(), "fp64");
    }
    const at::Tensor id = at::tensor({std::int64_t{getpid()}}, at::kLong);
    world.broadcast(id, 0)->wait();
    path_ = std::filesystem::temp_directory_path() / ("baleen-" + name + "-" + std::to_string(id.item<std::int64_t>()));
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::optional<ScratchFolder> own_;
  std::filesystem::path path_;
};

TEST(DataParallelMpi, Fp64RunEqualsThatOfOneRank) {
  parallel::Communicator& world = g_process->world();
  const SharedFolder own("mpi-run");
  const trainer::Config config = tiny_config(own.path(), "fp64");
  const Outcome all = run_rank(config, world, {own.path() / "all", {}, {}});
  if (world.rank() != 0) return;
  const Outcome one = run_with_threads(config, 1, {own.path() / "one", {}, {}});
  ASSERT_EQ(all.losses.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(all.losses[i] / one.losses[i], 1.0, 1e-12) << "step " << i + 1;
}

TEST(DataParallelMpi, GivesTheBitsOfThreads) {
  parallel::Communicator& world = g_process->world();
  const SharedFolder own("mpi-bits");
  const trainer::Config config = tiny_config(own.path(), "fp32");
  const Outcome all = run_rank(config, world, {own.path() / "all", {}, {}});
  if (world.rank() != 0) return;
  const Outcome threads = run_with_threads(config, world.size(), {own.path() / "threads", {}, {}});
  EXPECT_EQ(all.losses, threads.losses);
  EXPECT_EQ(all.parameters, threads.parameters);
}

}  // namespace
}  // namespace baleen::tests

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  baleen::launch::ProcessOptions options;
  options.device = "cpu";
  options.threads_per_rank = 1;
  baleen::launch::Process process(options);
  baleen::tests::g_process = &process;
  return RUN_ALL_TESTS();
}
