// The same over MPI: all ranks against rank 0 alone.

#include <gmock/gmock.h>

#include "tests/trainer/mpi_process.h"

namespace baleen::tests {

const char* const kMpiDevice = "cpu";

namespace {

TEST(DataParallelMpi, Fp64RunEqualsThatOfOneRank) {
  parallel::Communicator& world = mpi_process().world();
  const SharedFolder own;
  const trainer::Config config = tiny_config(own.path(), "fp64");
  const Outcome all = run_rank(config, world, {own.path() / "all", {}, {}});
  if (world.rank() != 0) return;
  const Outcome one = run_with_threads(config, 1, {own.path() / "one", {}, {}});
  ASSERT_EQ(all.losses.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(all.losses[i] / one.losses[i], 1.0, 1e-12) << "step " << i + 1;
}

TEST(DataParallelMpi, GivesTheBitsOfThreads) {
  parallel::Communicator& world = mpi_process().world();
  const SharedFolder own;
  const trainer::Config config = tiny_config(own.path(), "fp32");
  const Outcome all = run_rank(config, world, {own.path() / "all", {}, {}});
  if (world.rank() != 0) return;
  const Outcome threads = run_with_threads(config, world.size(), {own.path() / "threads", {}, {}});
  EXPECT_EQ(all.losses, threads.losses);
  EXPECT_EQ(all.parameters, threads.parameters);
}

}  // namespace
}  // namespace baleen::tests
