// The most that a rank holds inside a step, planned beside what LibTorch is asked for.

#include <gmock/gmock.h>

#include <atomic>

#include "parallel/executor.h"
#include "parallel/thread_communicator.h"
#include "planner/memory.h"
#include "tests/planner/fixture.h"
#include "tests/planner/held_bytes.h"
#include "tests/planner/planned_stage.h"

namespace baleen::planner {
namespace {

/// Beyond what it holds from step to step.
std::int64_t most_held_by_a_step(const PlannedStep& step, parallel::Mesh& mesh) {
  const auto stage = make_stage(step, mesh);
  const PlannedRank& rank = step.ranks[static_cast<std::size_t>(mesh.coordinates().pipeline)];
  std::int64_t most = 0;
  for (int i = 0; i < 2; ++i) {  // what the first step makes for good is there in the second
    stage->set_batches(
        std::vector<models::Batch>(static_cast<std::size_t>(step.micro_batches()), batch_of(compute_shape(step))));
    stage->zero_gradients();
    Held& held = held_by_this_thread();
    const std::int64_t before = held.now;
    held.most = before;
    parallel::execute(rank.schedule, *stage, mesh);
    stage->finish_gradients(mesh);
    most = held.most - before;
    stage->publish(mesh);
    for (const auto& unit : stage->units()) unit->await_values();  // no rank's values go while others still read them
  }
  return most;
}

struct Row {
  int ranks;
  std::vector<std::string> overrides;
};

/// Of the rank of each pipeline stage that held the most.
std::vector<std::int64_t> held_by_stages(int ranks, const Config& config, const PlannedStep& step) {
  std::vector<std::atomic<std::int64_t>> most(static_cast<std::size_t>(step.dims.pipeline));
  const CountingAllocator counting;
  parallel::run_threads(ranks, [&](parallel::Communicator& world) {
    parallel::Mesh mesh(step.dims, world, make_like_nccl, trainer::mesh_options(config));
    const std::int64_t held = most_held_by_a_step(step, mesh);
    std::atomic<std::int64_t>& of_stage = most[static_cast<std::size_t>(mesh.coordinates().pipeline)];
    for (std::int64_t seen = of_stage; seen < held && !of_stage.compare_exchange_weak(seen, held);) {
    }
  });
  return {most.begin(), most.end()};
}

TEST(PlannerPeak, IsWhatARankHoldsAtMostInAStep) {
  const std::string pipeline = "parallelism.pipeline=2", tensor = "parallelism.tensor=2",
                    zero3 = "parallelism.zero_stage=3", block = "training.recompute=block";
  for (const Row& row : {
           Row{1, {}},
           Row{1, {"training.recompute=elementwise"}},
           Row{1, {"training.recompute=mlp"}},
           Row{1, {block}},
           Row{2, {}},
           Row{2, {"parallelism.zero_stage=1"}},
           Row{2, {"parallelism.zero_stage=2"}},
           Row{2, {zero3}},
           Row{2, {zero3, block}},
           Row{2, {pipeline}},
           Row{2, {pipeline, block}},
           Row{4, {pipeline, zero3}},
           Row{2, {pipeline, "parallelism.schedule=zero_bubble"}},
           Row{2, {tensor}},
       }) {
    std::vector<std::string> overrides = {"training.global_batch_size=8", "precision.compute=fp32",
                                          "training.sequence_length=256", "model.layers=4", "model.ffn_dim=1024"};
    overrides.insert(overrides.end(), row.overrides.begin(), row.overrides.end());
    const Config config = tiny_plan_config(overrides);
    const PlannedStep step = plan_step(config, config.dims(row.ranks));
    const std::vector<std::int64_t> held = held_by_stages(row.ranks, config, step);
    const ComputeShape shape = compute_shape(step);
    // An MLP's width more where a CPU's op takes several steps, a residual less where two moments are planned as one.
    const std::int64_t above = shape.tokens * shape.ffn * shape.size, below = shape.flow_bytes();
    for (int stage = 0; stage < step.dims.pipeline; ++stage) {
      const RankMemory m = plan_memory(step, stage, FootprintTable{});
      const std::int64_t planned = m.gradients + m.activations + m.loss + m.gathered + m.gradient_buffers;
      const std::string name = testing::PrintToString(row.overrides) + ", stage " + std::to_string(stage);
      EXPECT_LE(held[static_cast<std::size_t>(stage)], planned + above) << name;
      EXPECT_GE(held[static_cast<std::size_t>(stage)], planned - below) << name;
    }
  }
}

}  // namespace
}  // namespace baleen::planner
