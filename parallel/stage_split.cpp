#include "parallel/stage_split.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/error.h"

namespace baleen::parallel {
namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& next_action) {
  throw core::Error(core::ExitCode::usage, message, next_action);
}

void check_enough(int layers, int stages) {
  core::require(stages >= 1, "a pipeline has a stage");
  if (layers >= stages) return;
  refuse(
      fmt::format("model.layers = {} do not fill {} stages (parallelism.pipeline x virtual_stages): each needs a layer",
                  layers, stages),
      fmt::format("lower pipeline x virtual_stages to {} or less", layers));
}

}  // namespace

std::vector<int> stage_layers(int layers, int stages, const SplitCosts& costs) {
  check_enough(layers, stages);
  std::vector<int> split(static_cast<std::size_t>(stages), 1);
  std::vector<double> extra(split.size());
  extra.front() += costs.embedding;
  extra.back() += costs.head;
  // One layer after the other onto the stage that is cheapest with it.
  for (int placed = stages; placed < layers; ++placed) {
    std::size_t cheapest = 0;
    const auto cost_with_one = [&](std::size_t stage) { return extra[stage] + (split[stage] + 1) * costs.layer; };
    for (std::size_t stage = 1; stage < split.size(); ++stage)
      if (cost_with_one(stage) <= cost_with_one(cheapest)) cheapest = stage;
    ++split[cheapest];
  }
  return split;
}

void check_stage_layers(int layers, int stages, const std::vector<int>& given) {
  check_enough(layers, stages);
  const std::string list = fmt::format("parallelism.stage_layers = [{}]", fmt::join(given, ", "));
  if (given.size() != static_cast<std::size_t>(stages))
    refuse(fmt::format("{} names {} stages, but parallelism.pipeline x virtual_stages makes {}", list, given.size(),
                       stages),
           "give one number a stage, in the order of the forward");
  if (std::any_of(given.begin(), given.end(), [](int n) { return n < 1; }))
    refuse(list + " leaves a stage without a layer", "give every stage at least one");
  const int sum = std::accumulate(given.begin(), given.end(), 0);
  if (sum != layers)
    refuse(fmt::format("{} makes {} layers, but model.layers = {}", list, sum, layers),
           fmt::format("{} {} layers", sum < layers ? "add" : "take away", std::abs(layers - sum)));
}

}  // namespace baleen::parallel
