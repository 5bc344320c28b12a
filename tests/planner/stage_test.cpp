// The plan against what real stages keep and send.

#include <gmock/gmock.h>

#include "parallel/communicator_decorator.h"
#include "parallel/executor.h"
#include "parallel/thread_communicator.h"
#include "planner/communicators.h"
#include "planner/memory.h"
#include "planner/traffic.h"
#include "tests/planner/fixture.h"
#include "tests/planner/planned_stage.h"

namespace baleen::planner {
namespace {

/// What a step has added to the mesh's count.
parallel::Traffic traffic_of_step(const PlannedStep& step, parallel::Mesh& mesh) {
  const auto stage = make_stage(step, mesh);
  const parallel::Traffic before = mesh.traffic();
  stage->set_batches(
      std::vector<models::Batch>(static_cast<std::size_t>(step.micro_batches()), batch_of(compute_shape(step))));
  stage->zero_gradients();
  const PlannedRank& rank = step.ranks[static_cast<std::size_t>(mesh.coordinates().pipeline)];
  parallel::execute(rank.schedule, *stage, mesh);
  stage->finish_gradients(mesh);
  stage->publish(mesh);
  parallel::Traffic added;
  for (const auto& [what, volume] : mesh.traffic()) {
    const auto found = before.find(what);
    const parallel::TrafficVolume old = found == before.end() ? parallel::TrafficVolume{} : found->second;
    if (volume != old) added[what] = {volume.calls - old.calls, volume.bytes - old.bytes};
  }
  return added;
}

std::string text(const parallel::Traffic& traffic) {
  std::string lines;
  for (const auto& [what, volume] : traffic)
    lines += what.axis + " " + what.collective + " " + what.dtype + ": " + std::to_string(volume.calls) + " calls, " +
             std::to_string(volume.bytes) + " bytes\n";
  return lines;
}

/// As NCCL: in deterministic mode blocks are exchanged instead.
class Unordered final : public parallel::CommunicatorDecorator {
 public:
  using CommunicatorDecorator::CommunicatorDecorator;
  bool sums_in_rank_order() const override { return false; }
};

std::unique_ptr<parallel::Communicator> make_unordered(parallel::Communicator& host, const std::string&) {
  return std::make_unique<Unordered>(host.split(0, host.rank()));
}

struct Row {
  int ranks;
  std::vector<std::string> overrides;
  bool sums_in_rank_order = true;
};

TEST(PlannerTraffic, IsWhatRanksSend) {
  const std::string two = "training.global_batch_size=8";
  for (const Row& row : {
           Row{1, {}},
           Row{2, {}},
           Row{2, {"parallelism.zero_stage=1"}},
           Row{2, {"parallelism.zero_stage=2", "run.deterministic=true"}},
           Row{2, {"parallelism.zero_stage=3"}},
           Row{2, {"parallelism.zero_stage=3", "parallelism.regather=step", "model.tie_embeddings=true"}},
           Row{2, {"parallelism.zero_stage=3", "parallelism.regather=never"}},
           Row{2, {"precision.gradient_wire=bf16", "parallelism.zero_stage=0"}},
           Row{2, {"precision.gradient_wire=bf16", "parallelism.zero_stage=2"}},
           Row{4, {two, "parallelism.data_replicate=2", "parallelism.zero_stage=3"}},
           Row{2, {"parallelism.tensor=2"}},
           Row{2, {"parallelism.tensor=2", "parallelism.sequence_parallel=false"}},
           Row{2, {"parallelism.tensor=2", "training.recompute=elementwise"}},
           Row{2, {"parallelism.tensor=2", "training.recompute=mlp"}},
           Row{2, {"parallelism.tensor=2", "training.recompute=block", "model.qk_norm=true", "model.qkv_bias=true"}},
           Row{2, {"parallelism.tensor=2", "precision.compute=fp8", "precision.fp8_smallest=1"}},
           Row{2,
               {"parallelism.tensor=2", "precision.compute=fp8", "precision.fp8_smallest=1",
                "training.recompute=elementwise"}},
           Row{2,
               {"parallelism.tensor=2", "precision.compute=fp8", "precision.fp8_smallest=1", "training.recompute=mlp"}},
           Row{2,
               {"parallelism.tensor=2", "precision.compute=fp8", "precision.fp8_smallest=1",
                "training.recompute=block"}},
           Row{2, {"parallelism.tensor=2", "precision.compute=fp8", "precision.fp8_smallest=200"}},
           Row{2, {"parallelism.pipeline=2", "model.tie_embeddings=true"}},
           Row{4, {"parallelism.tensor=2", "parallelism.pipeline=2", "parallelism.schedule=zero_bubble"}},
           Row{8, {two, "parallelism.tensor=2", "parallelism.pipeline=2", "parallelism.zero_stage=3"}},
           Row{2, {"parallelism.zero_stage=0", "run.deterministic=true"}, false},
           Row{6,
               {"training.global_batch_size=6", "parallelism.data_replicate=3", "parallelism.zero_stage=3",
                "run.deterministic=true"},
               false},
           Row{4, {"parallelism.tensor=2", "parallelism.zero_stage=1", "run.deterministic=true"}, false},
       }) {
    std::vector<std::string> overrides = {"precision.compute=fp32"};
    overrides.insert(overrides.end(), row.overrides.begin(), row.overrides.end());
    const Config config = tiny_plan_config(overrides);
    const parallel::ParallelDims dims = config.dims(row.ranks);
    const PlannedStep step = plan_step(config, dims);
    std::string name = std::to_string(row.ranks) + " ranks";
    for (const std::string& part : row.overrides) name += " " + part;
    parallel::run_threads(row.ranks, [&](parallel::Communicator& world) {
      const auto make = row.sums_in_rank_order ? parallel::device_communicators(at::kCPU) : make_unordered;
      parallel::Mesh mesh(dims, world, make, trainer::mesh_options(config));
      const parallel::Traffic sent = traffic_of_step(step, mesh);
      // The plan is that of the first ranks of tensor and shard axis.
      if (mesh.coordinates().tensor != 0 || mesh.coordinates().data_shard != 0) return;
      const int stage = mesh.coordinates().pipeline;
      EXPECT_EQ(text(plan_traffic(step, stage, row.sums_in_rank_order)), text(sent)) << name << ", stage " << stage;
    });
  }
}

TEST(PlannerCommunicators, AreThoseOfTheMesh) {
  for (const Row& row : {
           Row{1, {}},
           Row{2, {}},
           Row{2, {"parallelism.zero_stage=1"}},
           Row{4, {"parallelism.data_replicate=2", "parallelism.zero_stage=3"}},
           Row{4, {"parallelism.data_replicate=4"}},
           Row{2, {"parallelism.tensor=2"}},
           Row{4, {"parallelism.tensor=4", "model.heads=4", "model.kv_heads=2"}},
           Row{4, {"parallelism.tensor=4", "model.heads=4", "model.kv_heads=4"}},
           Row{2, {"parallelism.pipeline=2"}},
           Row{3, {"parallelism.pipeline=3", "model.layers=3"}},
           Row{8, {"parallelism.tensor=2", "parallelism.pipeline=2", "parallelism.zero_stage=1"}},
       }) {
    const Config config = tiny_plan_config(row.overrides);
    const parallel::ParallelDims dims = config.dims(row.ranks);
    const PlannedStep step = plan_units(config, dims);
    parallel::run_threads(row.ranks, [&](parallel::Communicator& world) {
      parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), trainer::mesh_options(config));
      std::vector<PlannedCommunicator> made;
      for (const parallel::CommunicatorMemory& memory : mesh.communicator_memory()) {
        made.push_back({memory.axis, memory.ranks});
        EXPECT_EQ(most_channels(memory.axis), parallel::most_ctas(memory.axis)) << memory.axis;
      }
      EXPECT_TRUE(communicators(step, mesh.coordinates().pipeline) == made)
          << testing::PrintToString(row.overrides) << ", rank " << world.rank();
    });
  }
}

void expect_kept(const Config& config, int tensor, const std::string& name) {
  const parallel::ParallelDims dims = config.dims(tensor);
  const PlannedStep step = plan_step(config, dims);
  const ComputeShape shape = compute_shape(step);
  parallel::run_threads(tensor, [&](parallel::Communicator& world) {
    parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), trainer::mesh_options(config));
    const auto stage = make_stage(step, mesh);
    stage->set_batches({batch_of(shape)});
    at::Tensor x = stage->input(0);
    std::int64_t planned = 0, values = 0;
    for (std::size_t unit = 0; unit + 1 < step.ranks.front().units.size(); ++unit) {
      stage->unit(static_cast<int>(unit)).await_values();
      x = stage->forward(static_cast<int>(unit), 0, x);
      planned += activation_bytes(step.ranks.front().units[unit].kind, shape).saved;
    }
    EXPECT_EQ(stage->saved_bytes(), planned) << name;
    for (const auto& unit : stage->units()) values += unit->bytes().values;
    EXPECT_EQ(plan_states(step, 0).values, values) << name;
  });
}

TEST(PlannerActivations, AreWhatAStageKeeps) {
  for (const std::string precision : {"fp32", "fp8 all tensor", "fp8 all block", "fp8 large tensor"}) {
    for (const char* recompute : {"none", "elementwise", "mlp", "block"}) {
      for (const char* qk_norm : {"true", "false"}) {
        for (const int tensor : {1, 2}) {
          const bool fp8 = precision != "fp32", block = precision.ends_with("block");
          const bool large = precision.find("large") != std::string::npos;  // gate and up of one rank
          const std::vector<std::string> overrides = {
              fp8 ? "precision.compute=fp8" : "precision.compute=fp32",
              block ? "precision.fp8_recipe=block" : "precision.fp8_recipe=tensor",
              large ? "precision.fp8_smallest=128" : "precision.fp8_smallest=1",
              std::string("training.recompute=") + recompute,
              std::string("model.qk_norm=") + qk_norm,
              "parallelism.tensor=" + std::to_string(tensor)};
          expect_kept(tiny_plan_config(overrides), tensor, precision + ", " + testing::PrintToString(overrides));
        }
      }
    }
  }
}

}  // namespace
}  // namespace baleen::planner
