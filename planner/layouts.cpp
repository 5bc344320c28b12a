#include "planner/layouts.h"

#include <algorithm>

#include "data/data_config.h"
#include "trainer/legal_meshes.h"

namespace baleen::planner {
namespace {

using trainer::all_meshes;

struct Candidate {
  Config config;
  parallel::ParallelDims dims;
  double least_time = 0;
};

std::int64_t device_bytes(const Hardware& hardware) {
  return static_cast<std::int64_t>(hardware.gpu.memory_gib * 1024.0 * 1024.0 * 1024.0);
}

/// Without what says nothing about layouts: datasets would be opened for each.
Config without_data(const Config& config) {
  Config without = config;
  without.data.train = data::kRandomDataset;
  without.data.validation.clear();
  without.training.validate_every = 0;
  return without;
}

/// Stages that differ in nothing that matters are named once: nothing is sharded over one rank, and without sharding
/// replicas are shards.
bool names_it_best(const parallel::ParallelDims& dims, int zero_stage) {
  if (zero_stage == 0) return !communicates(dims.data_replicate);
  return communicates(dims.data_shard);
}

struct ScheduleChoice {
  const char* name;
  int virtual_stages;
};

std::vector<ScheduleChoice> schedules(int pipeline) {
  if (!communicates(pipeline)) return {{"1f1b", 1}};
  return {{"1f1b", 1}, {"zero_bubble", 1}, {"interleaved", 2}, {"interleaved", 4}, {"interleaved", 8}};
}

std::vector<Candidate> candidates(const Config& config, int ranks) {
  std::vector<Candidate> all;
  for (const parallel::ParallelDims& dims : all_meshes(ranks)) {
    for (const ScheduleChoice& schedule : schedules(dims.pipeline)) {
      Config chosen = config;
      chosen.parallelism.schedule = schedule.name;
      chosen.parallelism.virtual_stages = schedule.virtual_stages;
      chosen = over_mesh(chosen, dims);
      if (!validate(chosen, ranks).empty()) continue;
      for (int zero_stage = 0; zero_stage <= 3; ++zero_stage) {
        if (!names_it_best(dims, zero_stage)) continue;
        chosen.parallelism.zero_stage = zero_stage;
        all.push_back({chosen, dims});
      }
    }
  }
  return all;
}

std::int64_t most_states(const PlannedStep& step) {
  std::int64_t most = 0;
  for (int rank = 0; rank < step.dims.pipeline; ++rank) most = std::max(most, plan_states(step, rank).states());
  return most;
}

std::int64_t most_memory(const PlannedStep& step, const Hardware& hardware) {
  std::int64_t most = 0;
  for (int rank = 0; rank < step.dims.pipeline; ++rank)
    most = std::max(most, plan_memory(step, rank, hardware.footprint, hardware.network.gpus_per_node).total());
  return most;
}

bool better(const Layout& a, const Layout& b) {
  if (a.tokens_per_second_per_gpu != b.tokens_per_second_per_gpu)
    return a.tokens_per_second_per_gpu > b.tokens_per_second_per_gpu;
  return a.memory < b.memory;
}

}  // namespace

std::string Layout::overrides(const Config& given) const {
  return trainer::overrides(given.parallelism, parallelism, given.origins.overridden);
}

BestLayouts best_layouts(const Config& config, int ranks, const Hardware& hardware, std::size_t most) {
  BestLayouts best;
  std::vector<Candidate> fitting;
  for (Candidate& candidate : candidates(without_data(config), ranks)) {
    ++best.legal;
    const PlannedStep step = plan_units(candidate.config, candidate.dims);
    if (most_states(step) > device_bytes(hardware)) continue;
    candidate.least_time = least_time(step, hardware);
    fitting.push_back(std::move(candidate));
  }
  best.fitting = static_cast<int>(fitting.size());
  std::stable_sort(fitting.begin(), fitting.end(),
                   [](const Candidate& a, const Candidate& b) { return a.least_time < b.least_time; });

  for (const Candidate& candidate : fitting) {
    PlannedStep step = plan_units(candidate.config, candidate.dims);
    const double at_best = tokens_per_second_per_gpu(step, candidate.least_time);
    if (best.layouts.size() == most && at_best < best.layouts.back().tokens_per_second_per_gpu) break;
    plan_schedules(step);
    const std::int64_t memory = most_memory(step, hardware);
    if (memory > device_bytes(hardware)) continue;
    const StepTime time = plan_time(step, hardware);
    Layout layout{step.config.parallelism, tokens_per_second_per_gpu(step, time.step()), time.simulation.bubble,
                  memory};
    best.layouts.insert(std::upper_bound(best.layouts.begin(), best.layouts.end(), layout, better), std::move(layout));
    if (best.layouts.size() > most) best.layouts.pop_back();
  }
  return best;
}

}  // namespace baleen::planner
