#pragma once
// The stage of a planned rank with batches of its shape: for tests of what a step keeps and sends.

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <memory>
#include <vector>

#include "kernels/device.h"
#include "models/transformer_stage.h"
#include "parallel/mesh.h"
#include "planner/units.h"

namespace baleen::planner {

/// Every token is a zero: what is kept and sent does not depend on it.
inline models::Batch batch_of(const ComputeShape& shape) {
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
inline std::unique_ptr<models::TransformerStage> make_stage(const PlannedStep& step, parallel::Mesh& mesh) {
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
  modules.recompute = models::recompute_named(config.training.recompute);
  if (config.precision.fp8())
    modules.fp8 = config.precision.fp8_recipe == "block" ? kernels::Fp8Recipe::block : kernels::Fp8Recipe::tensor;
  modules.fp8_smallest = config.precision.fp8_smallest;
  modules.region = parallel::TensorRegion(mesh.tensor(), config.parallelism.sequence_parallel);
  auto stage = std::make_unique<models::TransformerStage>(
      config.model, step.plan.held(config.model, mesh.coordinates().pipeline), units, modules);
  stage->initialize(1);
  stage->publish(mesh);
  return stage;
}

}  // namespace baleen::planner
