// Under ZeRO-3 a rank never holds more than two whole units and two whole gradients.

#include <gmock/gmock.h>

#include <algorithm>

#include "parallel/executor.h"
#include "parallel/thread_communicator.h"
#include "tests/planner/fixture.h"
#include "tests/planner/planned_stage.h"

namespace baleen::planner {
namespace {

/// Counts before and inside every action: the executor asks for the unit of each.
class CountingStage final : public parallel::Stage {
 public:
  explicit CountingStage(models::TransformerStage& stage) : stage_(stage) {}

  int most_gathered() const { return most_gathered_; }
  int most_gradients() const { return most_gradients_; }

  parallel::Unit& unit(int unit) override {
    count();
    return stage_.unit(unit);
  }
  at::Tensor input(int micro_batch) override { return stage_.input(micro_batch); }
  at::Tensor empty_flow(int micro_batch) override { return stage_.empty_flow(micro_batch); }
  at::Tensor forward(int unit, int micro_batch, const at::Tensor& x) override {
    count();
    return stage_.forward(unit, micro_batch, x);
  }
  parallel::Gradient backward_input(int unit, int micro_batch, const parallel::Gradient& dy) override {
    count();
    return stage_.backward_input(unit, micro_batch, dy);
  }
  void backward_weight(int unit, int micro_batch) override {
    count();
    stage_.backward_weight(unit, micro_batch);
  }

 private:
  void count() {
    int gathered = 0, gradients = 0;
    for (const auto& unit : stage_.units()) {
      const auto index = static_cast<std::size_t>(&unit - stage_.units().data());
      if (unit->values().defined() && stage_.traits()[index].hides_gathers) ++gathered;
      if (unit->parameters().front().grad.defined()) ++gradients;  // being written
      if (unit->reducing()) ++gradients;
    }
    most_gathered_ = std::max(most_gathered_, gathered);
    most_gradients_ = std::max(most_gradients_, gradients);
  }

  models::TransformerStage& stage_;
  int most_gathered_ = 0, most_gradients_ = 0;
};

struct Row {
  int ranks;
  std::vector<std::string> overrides;
};

TEST(ZeroThree, HoldsTwoWholeUnitsAndTwoWholeGradientsAtMost) {
  const std::string pipeline = "parallelism.pipeline=2", tensor = "parallelism.tensor=2";
  for (const Row& row : {
           Row{2, {}},
           Row{2, {"model.tie_embeddings=true", "training.recompute=block"}},
           Row{4, {"parallelism.data_replicate=2"}},
           Row{4, {tensor}},
           Row{4, {pipeline, "parallelism.schedule=gpipe"}},
           Row{4, {pipeline, "parallelism.schedule=1f1b", "model.tie_embeddings=true"}},
           Row{4, {pipeline, "parallelism.schedule=zero_bubble"}},
           Row{4, {pipeline, "parallelism.schedule=interleaved", "parallelism.virtual_stages=2"}},
           Row{8, {pipeline, tensor, "parallelism.schedule=zero_bubble"}},
       }) {
    for (const char* deterministic : {"true", "false"}) {
      std::vector<std::string> overrides = row.overrides;
      overrides.emplace_back("precision.compute=fp32");
      overrides.emplace_back("model.layers=6");
      overrides.emplace_back("parallelism.zero_stage=3");
      overrides.emplace_back("training.global_batch_size=16");
      overrides.emplace_back(std::string("run.deterministic=") + deterministic);
      const Config config = tiny_plan_config(overrides);
      const parallel::ParallelDims dims = config.dims(row.ranks);
      const PlannedStep step = plan_step(config, dims);
      parallel::run_threads(row.ranks, [&](parallel::Communicator& world) {
        parallel::Mesh mesh(dims, world, parallel::device_communicators(at::kCPU), trainer::mesh_options(config));
        const auto stage = make_stage(step, mesh);
        stage->set_batches(
            std::vector<models::Batch>(static_cast<std::size_t>(step.micro_batches()), batch_of(compute_shape(step))));
        stage->zero_gradients();
        CountingStage counting(*stage);
        parallel::execute(step.ranks[static_cast<std::size_t>(mesh.coordinates().pipeline)].schedule, counting, mesh);
        EXPECT_EQ(counting.most_gathered(), 2) << testing::PrintToString(overrides);
        EXPECT_EQ(counting.most_gradients(), 2) << testing::PrintToString(overrides);
        stage->finish_gradients(mesh);
      });
    }
  }
}

}  // namespace
}  // namespace baleen::planner
