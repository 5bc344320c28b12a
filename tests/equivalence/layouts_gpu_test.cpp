// The table on GPUs, over NCCL: rows for as many ranks as there are GPUs, in FP32 against one GPU.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "tests/equivalence/rows.h"
#include "tests/trainer/mpi_process.h"

namespace baleen::tests {

const char* const kMpiDevice = "cuda";

namespace {

struct Case {
  Row row;
  Modifiers modifiers;
  std::string gradient_wire = "fp32";
};

/// `n` ranks on every axis in turn, and on several; the other modifiers change along.
std::vector<Case> cases(int n) {
  std::vector<Case> all;
  const auto add = [&all](const Row& row, const Modifiers& modifiers, const std::string& wire = "fp32") {
    all.push_back({row, modifiers, wire});
  };
  Modifiers free, kept, once, tied;
  free.deterministic = false;
  kept.regather = "never";
  once.regather = "step";
  once.deterministic = false;
  tied.tied = true;
  tied.recompute = "block";
  for (int zero = 0; zero <= 3; ++zero) {
    add({.shard = n, .zero = zero}, {});
    add({.shard = n, .zero = zero}, free);
  }
  add({.shard = n, .zero = 3}, kept);
  add({.shard = n, .zero = 3}, once);
  add({.shard = n, .zero = 2}, free, "bf16");
  add({.replicate = n, .zero = 1}, free);
  for (const bool sequence_parallel : {true, false}) add({.tensor = n, .sequence_parallel = sequence_parallel}, tied);
  for (const char* schedule : {"gpipe", "1f1b", "interleaved", "zero_bubble"})
    add({.pipeline = n, .schedule = schedule}, tied);
  add({.pipeline = n, .schedule = "interleaved", .virtual_stages = 2, .layers = 9}, free);
  if (n == 4) {
    add({.tensor = 2, .shard = 2, .zero = 3}, free);
    add({.pipeline = 2, .shard = 2, .zero = 3, .schedule = "zero_bubble"}, tied);
    add({.tensor = 2, .pipeline = 2, .zero = 3}, free);
  }
  return all;
}

double furthest(const std::vector<double>& expected, const std::vector<double>& actual) {
  if (expected.size() != actual.size() || expected.empty()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) most = std::max(most, std::abs(actual[i] / expected[i] - 1));
  return most;
}

TEST(LayoutsOnGpus, GiveTheRunOfOneGpu) {
  launch::Process& process = mpi_process();
  parallel::Communicator& world = process.world();
  const std::unique_ptr<parallel::Communicator> alone = parallel::make_self_communicator();
  for (const Case& c : cases(world.size())) {
    SCOPED_TRACE(c.row.name() + ", " + c.modifiers.name() + ", wire " + c.gradient_wire);
    const SharedFolder folder;
    trainer::Config config = config_of(c.row, c.modifiers, folder.path(), "fp32");
    config.optimizer.lr = 1e-3;
    config.precision.gradient_wire = c.gradient_wire;
    RunOptions options{.run_dir = folder.path() / "all"};
    options.device = process.device();
    const Outcome all = run_rank(config, world, options);
    if (world.rank() == 0) {
      trainer::Config one_rank = config_of({.layers = c.row.layers}, c.modifiers, folder.path(), "fp32");
      one_rank.optimizer.lr = 1e-3;
      options.run_dir = folder.path() / "one";
      const double off = furthest(run_rank(one_rank, *alone, options).losses, all.losses);
      fmt::print("{:<44} {:<84} wire {} losses within {:.1e}\n", c.row.name(), c.modifiers.name(), c.gradient_wire,
                 off);
      EXPECT_LT(off, c.gradient_wire == "bf16" ? 1e-2 : 1e-4);
    }
    world.barrier();
  }
}

/// Deterministic mode: the same bits for every ZeRO stage, and for every schedule.
TEST(LayoutsOnGpus, GiveEqualBitsInDeterministicMode) {
  launch::Process& process = mpi_process();
  parallel::Communicator& world = process.world();
  const int n = world.size();
  const auto run = [&](const Row& row) {
    const SharedFolder folder;
    RunOptions options{.run_dir = folder.path() / "run"};
    options.device = process.device();
    Outcome outcome = run_rank(config_of(row, {}, folder.path(), "bf16"), world, options);
    world.barrier();
    return outcome;
  };
  const Outcome whole = run({.shard = n}), piped = run({.pipeline = n});
  for (int zero = 1; zero <= 3; ++zero) {
    const Outcome sharded = run({.shard = n, .zero = zero});
    EXPECT_EQ(sharded.losses, whole.losses) << "ZeRO " << zero;
    EXPECT_EQ(sharded.parameters, whole.parameters) << "ZeRO " << zero;
  }
  for (const char* schedule : {"gpipe", "interleaved", "zero_bubble"}) {
    const Outcome other = run({.pipeline = n, .schedule = schedule});
    EXPECT_EQ(other.losses, piped.losses) << schedule;
    EXPECT_EQ(other.parameters, piped.parameters) << schedule;
  }
}

}  // namespace
}  // namespace baleen::tests
