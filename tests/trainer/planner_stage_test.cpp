// The plan against what real stages keep and send.

#include <gmock/gmock.h>

#include <numeric>

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "kernels/device.h"
#include "models/transformer_stage.h"
#include "parallel/executor.h"
#include "parallel/mesh.h"
#include "parallel/thread_communicator.h"
#include "tests/trainer/planner_fixture.h"
#include "trainer/planner_traffic.h"

namespace baleen::trainer {
namespace {

/// Every token is a zero: what is kept and sent does not depend on it.
models::Batch batch_of(const ComputeShape& shape) {
  std::vector<std::int32_t> starts;
  for (std::int64_t start = 0; start < shape.tokens; start += shape.sequence)
    starts.push_back(static_cast<std::int32_t>(start));
  starts.push_back(static_cast<std::int32_t>(shape.tokens));
  models::Batch batch;
  batch.tokens = at::zeros({shape.tokens}, at::kLong);
  batch.targets = at::zeros({shape.tokens}, at::kLong);
  batch.positions = at::zeros({shape.tokens}, at::kLong);
  batch.bounds = kernels::make_bounds(starts, at::kCPU);
  batch.loss_gradient_scale = at::tensor(1.0, at::kDouble);
  return batch;
}

/// One rank's stage as the trainer makes it.
std::unique_ptr<models::TransformerStage> make_stage(const PlannedStep& step, parallel::Mesh& mesh) {
  const Config& config = step.config;
  parallel::UnitOptions units;
  units.compute = kernels::scalar_type(config.compute_dtype());
  units.master = kernels::scalar_type(config.precision.master_dtype());
  units.tensor_degree = mesh.dims().tensor;
  units.tensor_rank = mesh.coordinates().tensor;
  units.shards = mesh.dims().data_shard;
  units.shard_rank = mesh.coordinates().data_shard;
  units.zero_stage = step.zero_stage();
  units.keep_values = config.parallelism.regather == "never";
  units.ordered_sums = config.run.deterministic;
  units.gradient_wire = config.precision.gradient_wire == "bf16" ? at::kBFloat16 : units.master;
  models::ModuleOptions modules;
  modules.recompute = config.training.recompute == "block" ? models::Recompute::block
                      : config.training.recompute == "mlp" ? models::Recompute::mlp
                                                           : models::Recompute::none;
  modules.region = parallel::TensorRegion(mesh.tensor(), config.parallelism.sequence_parallel);
  auto stage = std::make_unique<models::TransformerStage>(
      config.model, step.plan.held(config.model, mesh.coordinates().pipeline), units, modules);
  stage->initialize(1);
  stage->publish(mesh);
  return stage;
}

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

struct Row {
  int ranks;
  std::vector<std::string> overrides;
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
           Row{2, {"parallelism.tensor=2", "training.recompute=mlp"}},
           Row{2, {"parallelism.tensor=2", "training.recompute=block", "model.qk_norm=true", "model.qkv_bias=true"}},
           Row{2, {"parallelism.pipeline=2", "model.tie_embeddings=true"}},
           Row{4, {"parallelism.tensor=2", "parallelism.pipeline=2", "parallelism.schedule=zero_bubble"}},
           Row{8, {two, "parallelism.tensor=2", "parallelism.pipeline=2", "parallelism.zero_stage=3"}},
       }) {
    std::vector<std::string> overrides = row.overrides;
    overrides.emplace_back("precision.compute=fp32");
    const Config config = tiny_plan_config(overrides);
    const parallel::ParallelDims dims = config.dims(row.ranks);
    const PlannedStep step = plan_step(config, dims);
    std::string name = std::to_string(row.ranks) + " ranks";
    for (const std::string& part : row.overrides) name += " " + part;
    parallel::run_threads(row.ranks, [&](parallel::Communicator& world) {
      parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), mesh_options(config));
      const parallel::Traffic sent = traffic_of_step(step, mesh);
      // The plan is that of the first ranks of tensor and shard axis.
      if (mesh.coordinates().tensor != 0 || mesh.coordinates().data_shard != 0) return;
      const int stage = mesh.coordinates().pipeline;
      EXPECT_EQ(text(plan_traffic(step, stage, /*sums_in_rank_order=*/true)), text(sent))
          << name << ", stage " << stage;
    });
  }
}

TEST(PlannerActivations, AreWhatAStageKeeps) {
  for (const char* recompute : {"none", "mlp", "block"}) {
    for (const char* qk_norm : {"true", "false"}) {
      for (const int tensor : {1, 2}) {
        const Config config =
            tiny_plan_config({"precision.compute=fp32", std::string("training.recompute=") + recompute,
                              std::string("model.qk_norm=") + qk_norm, "parallelism.tensor=" + std::to_string(tensor)});
        const parallel::ParallelDims dims = config.dims(tensor);
        const PlannedStep step = plan_step(config, dims);
        const ComputeShape shape = compute_shape(step);
        parallel::run_threads(tensor, [&](parallel::Communicator& world) {
          parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), mesh_options(config));
          const auto stage = make_stage(step, mesh);
          stage->set_batches({batch_of(shape)});
          at::Tensor x = stage->input(0);
          std::int64_t planned = 0;
          for (std::size_t unit = 0; unit + 1 < step.ranks.front().units.size(); ++unit) {
            x = stage->forward(static_cast<int>(unit), 0, x);
            planned += activation_bytes(step.ranks.front().units[unit].kind, shape).saved;
          }
          EXPECT_EQ(stage->saved_bytes(), planned) << recompute << ", qk_norm " << qk_norm << ", tensor " << tensor;
        });
      }
    }
  }
}

}  // namespace
}  // namespace baleen::trainer
