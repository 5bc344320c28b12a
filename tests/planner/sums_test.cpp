// What gradient sums hold after the last backward, planned beside what LibTorch is asked for.

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

/// Of the sums that end a step on this rank.
std::int64_t most_held_by_last_sums(const PlannedStep& step, parallel::Mesh& mesh) {
  const auto stage = make_stage(step, mesh);
  const PlannedRank& rank = step.ranks[static_cast<std::size_t>(mesh.coordinates().pipeline)];
  std::int64_t most = 0;
  for (int i = 0; i < 2; ++i) {  // what the first step makes for good is there in the second
    stage->set_batches(
        std::vector<models::Batch>(static_cast<std::size_t>(step.micro_batches()), batch_of(compute_shape(step))));
    stage->zero_gradients();
    Held& held = held_by_this_thread();
    const std::int64_t before = held.now;
    parallel::execute(rank.schedule, *stage, mesh);
    held.most = held.now.load();
    stage->finish_gradients(mesh);
    most = held.most - before;
    std::int64_t gradients = 0;
    for (const auto& unit : stage->units()) gradients += unit->bytes().gradients;
    EXPECT_EQ(held.now - before, gradients) << "nothing else stays";
    stage->publish(mesh);
    for (const auto& unit : stage->units()) unit->await_values();  // no rank's values go while others still read them
  }
  return most;
}

TEST(PlannerSums, AreWhatRanksHoldAtTheEndOfAStep) {
  const std::string deterministic = "run.deterministic=true", narrow = "precision.gradient_wire=bf16",
                    tensor = "parallelism.tensor=2", one_layer = "model.layers=1",
                    two_tokens = "training.sequence_length=2", bias = "model.qkv_bias=true";
  struct Row {
    int ranks;
    std::vector<std::string> overrides;
  };
  for (const Row& row : {
           Row{2, {"parallelism.zero_stage=1"}},  // in place
           Row{2, {narrow}},
           Row{2, {narrow, "parallelism.zero_stage=1"}},
           Row{2, {narrow, "parallelism.zero_stage=1", "model.tie_embeddings=true"}},
           Row{4, {narrow, "parallelism.zero_stage=1", "parallelism.data_replicate=2"}},
           Row{4, {narrow, "parallelism.pipeline=2", "parallelism.zero_stage=1"}},
           Row{4, {deterministic, "parallelism.data_replicate=4"}},
           Row{3, {deterministic, "parallelism.data_replicate=3", "training.global_batch_size=3"}},  // filled up
           Row{2, {tensor, one_layer, two_tokens, bias}},  // two ranges travel as one copy
           // Of four shards the second has both ranges.
           Row{8, {tensor, one_layer, two_tokens, bias, "model.dim=256", "model.heads=4", "parallelism.zero_stage=1"}},
           // Copied, and filled up; all else is so small that no other buffers are larger.
           Row{3,
               {"parallelism.tensor=3", deterministic, one_layer, "training.sequence_length=3", bias, "model.heads=3",
                "model.dim=384", "model.ffn_dim=3", "model.vocab_size=30"}},
           Row{4, {tensor, deterministic, "parallelism.data_replicate=2"}},
       }) {
    std::vector<std::string> overrides = {"training.global_batch_size=4", "precision.compute=fp32",
                                          "training.sequence_length=8", "model.layers=3"};
    overrides.insert(overrides.end(), row.overrides.begin(), row.overrides.end());
    const Config config = tiny_plan_config(overrides);
    const parallel::ParallelDims dims = config.dims(row.ranks);
    const PlannedStep step = plan_step(config, dims);
    std::vector<std::atomic<std::int64_t>> most(static_cast<std::size_t>(dims.pipeline));
    const CountingAllocator counting;
    parallel::run_threads(row.ranks, [&](parallel::Communicator& world) {
      parallel::Mesh mesh(dims, world, make_like_nccl, trainer::mesh_options(config));
      const std::int64_t held = most_held_by_last_sums(step, mesh);
      std::atomic<std::int64_t>& of_stage = most[static_cast<std::size_t>(mesh.coordinates().pipeline)];
      for (std::int64_t seen = of_stage; seen < held && !of_stage.compare_exchange_weak(seen, held);) {
      }
    });
    for (int stage = 0; stage < dims.pipeline; ++stage) {
      const RankMemory planned = plan_memory(step, stage, FootprintTable{});
      EXPECT_EQ(planned.gradients + planned.gradient_buffers, most[static_cast<std::size_t>(stage)])
          << testing::PrintToString(row.overrides) << ", stage " << stage;
    }
  }
}

}  // namespace
}  // namespace baleen::planner
