#pragma once
// A step of every pipeline rank as the planner sees it: units with their layouts, and the list that the executor would
// run. Ranks that differ on other axes do the same. No LibTorch.

#include <vector>

#include "parallel/placed_elements.h"
#include "trainer/execution_plan.h"

namespace baleen::planner {

using trainer::communicates, trainer::Config, trainer::ExecutionPlan;

enum class UnitKind : std::uint8_t { embedding, layer, norm, head };

struct PlannedUnit {
  UnitKind kind;
  parallel::UnitSpec spec;
  parallel::UnitLayout layout;  // of tensor rank 0
  std::size_t value_owner;      // index in the rank of the unit whose values it reads: itself, but for a tied head

  std::int64_t elements() const { return layout.elements; }
};

struct PlannedRank {
  std::vector<PlannedUnit> units;
  std::vector<parallel::UnitTraits> traits;
  parallel::UnitSchedule schedule;

  bool owns_values(std::size_t unit) const { return units[unit].value_owner == unit; }
};

struct PlannedStep {
  Config config;
  parallel::ParallelDims dims;
  ExecutionPlan plan;
  std::vector<PlannedRank> ranks;  // of the pipeline

  int micro_batches() const { return plan.shape.micro_batches; }
  int zero_stage() const { return config.parallelism.zero_stage; }
  /// What Unit keeps: see parallel/unit.h.
  bool keeps_values() const { return zero_stage() < 3 || config.parallelism.regather == "never"; }
  bool reduces_each_micro_batch() const { return plan.lowering.reduce_each_micro_batch; }
  /// Tensor ranks that share a part of what is split in groups.
  int group_ranks() const;
  std::int64_t shard_elements(const PlannedUnit& unit) const;
  std::int64_t compute_size() const;  // bytes of an element
  std::int64_t master_size() const;
};

/// Elements of the weights of a unit, or of those that a rank holds, that products take in FP8.
std::int64_t fp8_elements(const PlannedStep& step, const PlannedUnit& unit);
std::int64_t fp8_elements(const PlannedStep& step, const PlannedRank& rank);

/// `config` has passed validate() for this mesh.
PlannedStep plan_step(const Config& config, const parallel::ParallelDims& dims);
/// The same without the schedules of its ranks, for what can be told before it is worth to make them.
PlannedStep plan_units(const Config& config, const parallel::ParallelDims& dims);
/// Makes them.
void plan_schedules(PlannedStep& step);

}  // namespace baleen::planner
