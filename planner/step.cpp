#include "planner/step.h"

#include <algorithm>

#include "models/llama_parameters.h"

namespace baleen::planner {
namespace {

UnitKind kind_of(int unit, std::int64_t layers) {
  if (unit == 0) return UnitKind::embedding;
  if (unit <= layers) return UnitKind::layer;
  return unit == layers + 1 ? UnitKind::norm : UnitKind::head;
}

PlannedRank plan_rank(const PlannedStep& step, const std::vector<parallel::UnitSpec>& specs, int pipeline_rank) {
  const models::ModelConfig& model = step.config.model;
  const models::HeldUnits held = step.plan.held(model, pipeline_rank);
  PlannedRank rank;
  for (const int index : held.units) {
    const parallel::UnitSpec& spec = specs[static_cast<std::size_t>(index)];
    rank.units.push_back({kind_of(index, model.layers), spec,
                          parallel::layout_unit(spec, step.dims.tensor, 0, step.dims.data_shard), rank.units.size()});
  }
  const bool whole = rank.units.front().kind == UnitKind::embedding && rank.units.back().kind == UnitKind::head;
  if (model.tie_embeddings && whole) rank.units.back().value_owner = 0;
  rank.traits = models::unit_traits(model, held);
  return rank;
}

}  // namespace

std::int64_t PlannedStep::shard_elements(const PlannedUnit& unit) const {
  return zero_stage() == 0 ? unit.layout.elements : unit.layout.shard_elements();
}

int PlannedStep::group_ranks() const {
  return dims.tensor / static_cast<int>(std::min<std::int64_t>(config.model.kv_heads, dims.tensor));
}

std::int64_t PlannedStep::compute_size() const {
  return core::dtype_size(config.compute_dtype());
}

std::int64_t PlannedStep::master_size() const {
  return core::dtype_size(config.precision.master_dtype());
}

std::int64_t fp8_elements(const PlannedStep& step, const PlannedUnit& unit) {
  const trainer::PrecisionConfig& precision = step.config.precision;
  if (!precision.fp8() || unit.kind != UnitKind::layer) return 0;
  const models::Fp8Linears in_fp8 = models::fp8_linears(step.config.model, step.dims.tensor, precision.fp8_smallest);
  std::int64_t elements = 0;
  for (std::size_t i = 0; i < unit.spec.parameters.size(); ++i) {
    const std::string& name = unit.spec.parameters[i].name;
    const auto is = [&](const char* suffix) { return name.ends_with(suffix); };
    const bool counts = is("q_proj.weight") || is("k_proj.weight") || is("v_proj.weight") ? in_fp8.qkv
                        : is("o_proj.weight")                                             ? in_fp8.out
                        : is("gate_proj.weight") || is("up_proj.weight")                  ? in_fp8.gate_up
                        : is("down_proj.weight")                                          ? in_fp8.down
                                                                                          : false;
    if (counts) elements += unit.layout.parameters[i].elements;
  }
  return elements;
}

std::int64_t fp8_elements(const PlannedStep& step, const PlannedRank& rank) {
  std::int64_t elements = 0;
  for (const PlannedUnit& unit : rank.units) elements += fp8_elements(step, unit);
  return elements;
}

PlannedStep plan_units(const Config& config, const parallel::ParallelDims& dims) {
  PlannedStep step{config, dims, execution_plan(config, dims), {}};
  const std::vector<parallel::UnitSpec> specs =
      models::llama_units(config.model, config.parallelism.sequence_parallel && communicates(dims.tensor));
  for (int rank = 0; rank < dims.pipeline; ++rank) step.ranks.push_back(plan_rank(step, specs, rank));
  return step;
}

void plan_schedules(PlannedStep& step) {
  for (std::size_t rank = 0; rank < step.ranks.size(); ++rank)
    step.ranks[rank].schedule = step.plan.lower(step.plan.training, step.config.model, static_cast<int>(rank));
}

PlannedStep plan_step(const Config& config, const parallel::ParallelDims& dims) {
  PlannedStep step = plan_units(config, dims);
  plan_schedules(step);
  return step;
}

}  // namespace baleen::planner
