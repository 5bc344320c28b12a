#include "planner/plan.h"

#include <algorithm>

#include "trainer/flops.h"

namespace baleen::planner {

const RankMemory& Plan::most_memory() const {
  return *std::max_element(memory.begin(), memory.end(),
                           [](const RankMemory& a, const RankMemory& b) { return a.total() < b.total(); });
}

Plan make_plan(const Config& config, int ranks, const Hardware& hardware) {
  Plan plan{plan_step(config, config.dims(ranks)), {}, {}, {}};
  plan.time = plan_time(plan.step, hardware);
  for (int rank = 0; rank < plan.step.dims.pipeline; ++rank) {
    plan.memory.push_back(plan_memory(plan.step, rank, hardware.footprint, hardware.network.gpus_per_node));
    plan.memory.back().peak_micro_batches =
        plan.time.simulation.ranks[static_cast<std::size_t>(rank)].peak_micro_batches;
    plan.traffic.push_back(plan_traffic(plan.step, rank, /*sums_in_rank_order=*/false));
  }
  plan.tokens_per_second_per_gpu = tokens_per_second_per_gpu(plan.step, plan.time.step());
  if (plan.step.compute_size() == 2)
    plan.mfu = trainer::flops_per_token(config.model, config.training.sequence_length) *
               plan.tokens_per_second_per_gpu / (hardware.gpu.peak_half_tflops * 1e12);
  return plan;
}

}  // namespace baleen::planner
