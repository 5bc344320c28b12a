// ZeRO: every rank updates its shard, and all of them make up what one rank with everything has.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "optim/optimizer.h"
#include "optim/step_control.h"
#include "tests/optim/unit_fixture.h"

namespace baleen::optim {
namespace {

constexpr int kShards = 4;

struct Trained {
  Trained(const std::string& name, const parallel::UnitOptions& options)
      : unit(tests::make_unit("a", options)), optimizer(make_optimizer(config(name), {unit.get()})) {}

  static OptimizerConfig config(const std::string& name) {
    OptimizerConfig config;
    config.name = name;
    config.weight_decay = 0.1;
    return config;
  }
  /// Of a whole buffer, what the unit holds.
  at::Tensor part_of(const at::Tensor& whole) const {
    return whole.narrow(0, unit->shard_begin(), unit->shard_elements());
  }

  std::unique_ptr<parallel::Unit> unit;
  std::unique_ptr<Optimizer> optimizer;
};

void expect_part(const Trained& shard, const Trained& whole) {
  EXPECT_TRUE(at::equal(shard.unit->master(), shard.part_of(whole.unit->master())));
  const auto& states = whole.optimizer->state(0);
  for (std::size_t i = 0; i < states.size(); ++i)
    EXPECT_TRUE(at::equal(shard.optimizer->state(0)[i].tensor, shard.part_of(states[i].tensor))) << states[i].name;
  const at::Tensor values = shard.unit->shard_values();
  ASSERT_EQ(values.defined(), shard.unit->options().zero_stage < 3);
  if (values.defined()) {
    EXPECT_TRUE(at::equal(values, shard.part_of(whole.unit->values())));
  }
}

class ShardedOptimizer : public ::testing::TestWithParam<std::tuple<const char*, at::ScalarType, int>> {};
INSTANTIATE_TEST_SUITE_P(Zero, ShardedOptimizer,
                         ::testing::Combine(::testing::Values("adamw", "sgd"),
                                            ::testing::Values(at::kFloat, at::kBFloat16), ::testing::Values(1, 2, 3)));

TEST_P(ShardedOptimizer, HasTheBitsOfTheWhole) {
  const auto [name, compute, zero_stage] = GetParam();
  parallel::UnitOptions options;
  options.compute = compute;
  options.shards = kShards;
  const Trained whole(name, options);
  options.zero_stage = zero_stage;
  std::vector<Trained> shards;
  for (options.shard_rank = 0; options.shard_rank < kShards; ++options.shard_rank) shards.emplace_back(name, options);

  StepControlOptions steps;
  steps.learning_rates = {1e-2};
  StepControl control(steps);
  at::Generator generator = at::detail::createCPUGenerator(3);
  for (int step = 0; step < 5; ++step) {
    const at::Tensor gradient = at::randn(whole.unit->gradient().sizes(), generator, at::kFloat);
    control.decide(at::full({}, 9, at::kDouble), at::full({}, kernels::kAllFinite, at::kInt),
                   at::zeros({}, at::kDouble));
    whole.unit->gradient().copy_(gradient);
    whole.optimizer->update(0, control.device_state());
    for (const Trained& shard : shards) {
      shard.unit->gradient().copy_(shard.part_of(gradient));
      shard.optimizer->update(0, control.device_state());
    }
  }
  for (const Trained& shard : shards) expect_part(shard, whole);
}

}  // namespace
}  // namespace baleen::optim
