#pragma once
// How a configuration is spread over a mesh: which stages a rank holds, and what it runs in a step. No LibTorch: the
// planner reads it without starting anything.

#include <vector>

#include "models/held_units.h"
#include "parallel/mesh_options.h"
#include "parallel/parallel_dims.h"
#include "parallel/schedule.h"
#include "trainer/config.h"

namespace baleen::trainer {

/// What Communicator promises: one rank alone sends nothing and needs no memory. For the planner, which counts this,
/// and what tells of it (tools/checks/rules.py): training has no special case for an axis of size 1.
inline bool communicates(int ranks) {
  return ranks > 1;
}

struct ExecutionPlan {
  parallel::PipelineShape shape;
  std::vector<int> stage_layers;                  // of each stage
  std::vector<parallel::StageSchedule> training;  // of each pipeline rank
  std::vector<parallel::StageSchedule> forward;   // validation
  parallel::LoweringOptions lowering;

  models::HeldUnits held(const models::ModelConfig& model, int pipeline_rank) const;
  parallel::UnitSchedule lower(const std::vector<parallel::StageSchedule>& schedules, const models::ModelConfig& model,
                               int pipeline_rank) const;
  /// parallel::prove() for what all pipeline ranks run in training and in validation. Throws as it does.
  void prove(const models::ModelConfig& model) const;
};

/// `config` has passed validate() for this mesh.
ExecutionPlan execution_plan(const Config& config, const parallel::ParallelDims& dims);

/// Layers of each pipeline stage: as configured, or balanced by cost. Throws Error(usage), with the arithmetic, where
/// they do not fit.
std::vector<int> stage_layers(const Config& config);

/// The communicators that a mesh needs for it.
parallel::MeshOptions mesh_options(const Config& config);

}  // namespace baleen::trainer
