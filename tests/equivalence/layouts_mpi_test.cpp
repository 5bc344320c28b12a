// The same table over MPI: rows for as many ranks as were started, against threads.
#include <gmock/gmock.h>

#include "tests/equivalence/rows.h"
#include "tests/trainer/mpi_process.h"

namespace baleen::tests {

const char* const kMpiDevice = "cpu";

namespace {

std::vector<Row> rows_for(int ranks) {
  std::vector<Row> fitting;
  for (const Row& row : std::vector<Row>{
           {.shard = 2, .zero = 3},
           {.pipeline = 2, .schedule = "zero_bubble"},
           {.tensor = 4},
           {.shard = 2, .replicate = 2, .zero = 2},
           {.tensor = 2, .pipeline = 2, .shard = 2, .zero = 3, .schedule = "1f1b"},
           {.tensor = 2, .pipeline = 2, .shard = 2, .zero = 1, .schedule = "interleaved", .virtual_stages = 2}})
    if (row.ranks() == ranks) fitting.push_back(row);
  return fitting;
}

TEST(LayoutsOverMpi, GiveTheRunOfOneRank) {
  parallel::Communicator& world = mpi_process().world();
  Modifiers modifiers;
  modifiers.tied = true;
  modifiers.recompute = "block";
  modifiers.dropout = 0.1;
  modifiers.z_loss = 1e-2;
  modifiers.pack = "documents";
  const std::vector<Row> rows = rows_for(world.size());
  ASSERT_FALSE(rows.empty());
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name());
    const SharedFolder folder;
    const trainer::Config config = config_of(row, modifiers, folder.path(), "fp64");
    const Outcome all = run_rank(config, world, {.run_dir = folder.path() / "all"});
    if (world.rank() == 0) {
      const trainer::Config alone = config_of({.layers = row.layers}, modifiers, folder.path(), "fp64");
      const Outcome one = run_with_threads(alone, 1, {.run_dir = folder.path() / "one"});
      EXPECT_EQ(difference(one, all), "");
      const Outcome threads = run_with_threads(config, row.ranks(), {.run_dir = folder.path() / "threads"});
      EXPECT_EQ(all.losses, threads.losses) << "the bits of threads";
      EXPECT_EQ(all.validation_losses, threads.validation_losses);
      EXPECT_EQ(all.parameters, threads.parameters);
    }
    world.barrier();
  }
}

}  // namespace
}  // namespace baleen::tests
