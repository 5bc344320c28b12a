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
};

/// `n` ranks on every axis in turn, and on several; the other modifiers change along.
std::vector<Case> cases(int n) {
  std::vector<Case> all;
  const auto add = [&all](const Row& row, const Modifiers& modifiers) { all.push_back({row, modifiers}); };
  Modifiers free, kept, once, tied, rounded;
  free.deterministic = false;
  kept.regather = "never";
  once.regather = "step";
  once.deterministic = false;
  tied.tied = true;
  tied.recompute = "block";
  rounded.gradient_wire = "bf16";
  rounded.deterministic = false;
  for (int zero = 0; zero <= 3; ++zero) {
    add({.shard = n, .zero = zero}, {});
    add({.shard = n, .zero = zero}, free);
  }
  add({.shard = n, .zero = 3}, kept);
  add({.shard = n, .zero = 3}, once);
  add({.shard = n, .zero = 2}, rounded);
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

/// How far a run is from another one, at most, relative to the values compared.
struct Distance {
  double losses = 0, validation_losses = 0, grad_norms = 0;
  double parameters = 0;  // relative to the largest value of the tensor
};

double furthest(const std::vector<double>& expected, const std::vector<double>& actual) {
  if (expected.size() != actual.size() || expected.empty()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) most = std::max(most, std::abs(actual[i] / expected[i] - 1));
  return most;
}

double furthest_element(const std::vector<double>& expected, const std::vector<double>& actual) {
  if (expected.size() != actual.size() || expected.empty()) return INFINITY;
  double most = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    most = std::max(most, std::abs(actual[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return most / largest;
}

Distance distance(const Outcome& expected, const Outcome& actual) {
  Distance distance;
  distance.losses = furthest(expected.losses, actual.losses);
  distance.validation_losses = furthest(expected.validation_losses, actual.validation_losses);
  distance.grad_norms = furthest(expected.grad_norms, actual.grad_norms);
  if (expected.parameters.size() != actual.parameters.size()) distance.parameters = INFINITY;
  for (const auto& [name, values] : expected.parameters) {
    const auto found = actual.parameters.find(name);
    const double here = found == actual.parameters.end() ? INFINITY : furthest_element(values, found->second);
    distance.parameters = std::max(distance.parameters, here);
  }
  return distance;
}

/// What a run may be off after 20 steps.
/// FP32 has 6e-8 a rounding, and the layout changes the order in which 1e4 terms of a gradient are added: losses were
/// 1e-8 apart, norms 4e-6 (measured on CPUs). Parameters are further: AdamW divides a gradient by its own size, so that
/// one of rounding's size moves its weight by the learning rate, whatever its sign. That made 2e-4 of a tensor's
/// largest value; a sum that misses a rank turns most weights of a tensor, which makes 1e-1, and the norm with them. A
/// BF16 wire rounds each gradient once, by 2^-9 at most: 2e-3 of a norm if all went one way. Losses were 2e-6 apart,
/// norms 9e-5, parameters 1e-2, for the reason above.
Distance allowed(const Modifiers& modifiers) {
  if (modifiers.gradient_wire == "bf16") return {1e-3, 1e-3, 2e-3, 1e-1};
  return {1e-4, 1e-4, 1e-4, 5e-3};
}

TEST(LayoutsOnGpus, GiveTheRunOfOneGpu) {
  launch::Process& process = mpi_process();
  parallel::Communicator& world = process.world();
  const std::unique_ptr<parallel::Communicator> alone = parallel::make_self_communicator();
  for (const Case& c : cases(world.size())) {
    SCOPED_TRACE(c.row.name() + ", " + c.modifiers.name());
    const SharedFolder folder;
    trainer::Config config = config_of(c.row, c.modifiers, folder.path(), "fp32");
    config.optimizer.lr = 1e-3;
    RunOptions options{.run_dir = folder.path() / "all"};
    options.device = process.device();
    const Outcome all = run_rank(config, world, options);
    if (world.rank() == 0) {
      trainer::Config one_rank = config_of({.layers = c.row.layers}, c.modifiers, folder.path(), "fp32");
      one_rank.optimizer.lr = 1e-3;
      options.run_dir = folder.path() / "one";
      const Distance off = distance(run_rank(one_rank, *alone, options), all);
      fmt::print("{:<44} {:<104} losses within {:.1e}, validation {:.1e}, norms {:.1e}, parameters {:.1e}\n",
                 c.row.name(), c.modifiers.name(), off.losses, off.validation_losses, off.grad_norms, off.parameters);
      const Distance most = allowed(c.modifiers);
      EXPECT_LT(off.losses, most.losses);
      EXPECT_LT(off.validation_losses, most.validation_losses);
      EXPECT_LT(off.grad_norms, most.grad_norms);
      EXPECT_LT(off.parameters, most.parameters);
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
    EXPECT_EQ(sharded.validation_losses, whole.validation_losses) << "ZeRO " << zero;
    EXPECT_EQ(sharded.grad_norms, whole.grad_norms) << "ZeRO " << zero;
    EXPECT_EQ(sharded.parameters, whole.parameters) << "ZeRO " << zero;
  }
  for (const char* schedule : {"gpipe", "interleaved", "zero_bubble"}) {
    const Outcome other = run({.pipeline = n, .schedule = schedule});
    EXPECT_EQ(other.losses, piped.losses) << schedule;
    EXPECT_EQ(other.validation_losses, piped.validation_losses) << schedule;
    EXPECT_EQ(other.grad_norms, piped.grad_norms) << schedule;
    EXPECT_EQ(other.parameters, piped.parameters) << schedule;
  }
}

}  // namespace
}  // namespace baleen::tests
