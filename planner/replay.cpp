#include "planner/replay.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "planner/time.h"

namespace baleen::planner {
namespace {

using trainer::MeasuredRank, trainer::MeasuredSchedule, trainer::TracedStep;

using parallel::UnitOp;

bool same_mesh(const Config& config, const parallel::ParallelDims& dims) {
  try {
    return config.dims(dims.world()).str() == dims.str();
  } catch (const core::Error&) {
    return false;  // this configuration gives no mesh over so many ranks
  }
}

bool same_actions(const PlannedStep& planned, const MeasuredSchedule& measured) {
  const auto same = [](const parallel::UnitAction& action, const parallel::TimedAction& timed) {
    return action.op == timed.action.op && action.unit == timed.action.unit &&
           action.micro_batch == timed.action.micro_batch;
  };
  for (std::size_t rank = 0; rank < planned.ranks.size(); ++rank)
    if (!std::ranges::equal(planned.ranks[rank].schedule, measured.ranks[rank].actions, same)) return false;
  return true;
}

std::vector<parallel::UnitCosts> measured_costs(const MeasuredRank& rank) {
  std::map<std::pair<int, UnitOp>, std::vector<double>> times;
  for (std::size_t i = 0; i < rank.actions.size(); ++i)
    times[{rank.actions[i].action.unit, rank.actions[i].action.op}].push_back(rank.compute[i]);
  const auto median = [&](std::size_t unit, UnitOp op) {
    const auto found = times.find({static_cast<int>(unit), op});
    if (found == times.end()) return 0.0;
    std::vector<double>& all = found->second;
    const auto middle = all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2);
    std::ranges::nth_element(all, middle);
    return *middle;
  };
  std::vector<parallel::UnitCosts> costs(rank.units.size());
  for (std::size_t unit = 0; unit < costs.size(); ++unit)
    costs[unit] = {.forward = median(unit, UnitOp::forward),
                   .backward_input = median(unit, UnitOp::backward_input),
                   .backward_weight = median(unit, UnitOp::backward_weight)};
  return costs;
}

}  // namespace

std::optional<PlannedSchedule> plan_traced_step(const Config& config, const TracedStep& step,
                                                const MeasuredSchedule& measured) {
  if (!same_mesh(config, step.dims)) return std::nullopt;
  const PlannedStep planned = plan_step(config, step.dims);
  if (!same_actions(planned, measured)) return std::nullopt;
  if (const std::optional<Hardware> hardware = hardware_of(step.device))
    return PlannedSchedule{plan_time(planned, *hardware).simulation, "rates of " + hardware->gpu.name, true};

  std::vector<parallel::SimulatedRank> ranks;
  for (std::size_t rank = 0; rank < planned.ranks.size(); ++rank)
    ranks.push_back({planned.ranks[rank].schedule, planned.ranks[rank].traits, measured_costs(measured.ranks[rank])});
  parallel::SimulationOptions options;
  options.micro_batches = planned.micro_batches();
  options.lowering = planned.plan.lowering;
  return PlannedSchedule{parallel::simulate(ranks, options),
                         "median measured times of the parts, communication free: no table of rates for this device",
                         false};
}

}  // namespace baleen::planner
