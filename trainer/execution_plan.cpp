#include "trainer/execution_plan.h"

#include "parallel/simulator.h"
#include "parallel/stage_split.h"
#include "trainer/flops.h"

namespace baleen::trainer {
namespace {

/// Floating-point operations of a token, those of what is recomputed too: they keep a stage busy as the others do.
parallel::SplitCosts split_costs(const Config& config) {
  const std::int64_t sequence = config.training.sequence_length;
  models::ModelConfig one = config.model, none = config.model;
  one.layers = 1;
  none.layers = 0;
  parallel::SplitCosts costs;
  costs.head = flops_per_token(none, sequence);
  costs.layer = flops_per_token(one, sequence) - costs.head;
  // A forward more, which is a third of forward and backward; or gate and up once more.
  if (config.training.recompute == "block") costs.layer *= 4.0 / 3;
  if (config.training.recompute == "mlp") costs.layer += 4.0 * static_cast<double>(one.dim * one.ffn_dim);
  return costs;
}

parallel::Regather regather(const std::string& name) {
  if (name == "step") return parallel::Regather::step;
  if (name == "never") return parallel::Regather::never;
  return parallel::Regather::micro_batch;
}

}  // namespace

std::vector<int> stage_layers(const Config& config) {
  const auto layers = static_cast<int>(config.model.layers);
  const int stages = config.parallelism.pipeline * config.parallelism.virtual_stages;
  const std::vector<int>& given = config.parallelism.stage_layers;
  if (given.empty()) return parallel::stage_layers(layers, stages, split_costs(config));
  parallel::check_stage_layers(layers, stages, given);
  return given;
}

models::HeldUnits ExecutionPlan::held(const models::ModelConfig& model, int pipeline_rank) const {
  return models::held_units(model, stage_layers, shape.ranks, pipeline_rank);
}

parallel::UnitSchedule ExecutionPlan::lower(const std::vector<parallel::StageSchedule>& schedules,
                                            const models::ModelConfig& model, int pipeline_rank) const {
  return parallel::lower(schedules, pipeline_rank, models::unit_traits(model, held(model, pipeline_rank)), lowering);
}

void ExecutionPlan::prove(const models::ModelConfig& model) const {
  for (const bool trains : {true, false}) {
    const std::vector<parallel::StageSchedule>& schedules = trains ? training : forward;
    std::vector<parallel::SimulatedRank> ranks(schedules.size());
    for (int rank = 0; rank < shape.ranks; ++rank)
      ranks[static_cast<std::size_t>(rank)] = {
          lower(schedules, model, rank), models::unit_traits(model, held(model, rank)), {}};
    parallel::SimulationOptions options;
    options.micro_batches = shape.micro_batches;
    options.trains = trains;
    options.lowering = lowering;
    parallel::prove(ranks, options);
  }
}

ExecutionPlan execution_plan(const Config& config, const parallel::ParallelDims& dims) {
  parallel::require_whole_sequences(dims);
  const parallel::ParallelConfig& parallelism = config.parallelism;
  const std::int64_t sequences = config.training.micro_batch_size * dims.data();
  ExecutionPlan plan;
  plan.shape = {dims.pipeline, parallelism.virtual_stages,
                static_cast<int>(config.training.global_batch_size / sequences)};
  plan.stage_layers = trainer::stage_layers(config);
  plan.training = parallel::build_schedule(parallelism.schedule, plan.shape);
  plan.forward = parallel::forward_schedule(plan.shape);
  plan.lowering.reduce_each_micro_batch = config.run.deterministic || parallelism.zero_stage >= 2;
  plan.lowering.gathers = parallelism.zero_stage == 3;
  plan.lowering.regather = regather(parallelism.regather);
  return plan;
}

parallel::MeshOptions mesh_options(const Config& config) {
  parallel::MeshOptions options;
  options.gathers = config.parallelism.zero_stage > 0;
  options.tensor_groups = static_cast<int>(config.model.kv_heads);
  options.trace = config.metrics.trace_step > 0;
  return options;
}

}  // namespace baleen::trainer
