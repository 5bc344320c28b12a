// baleen plan CONFIG [section.key=VALUE ...] [--ranks N] [--gpu NAME]

#include "planner/plan.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "apps/arguments.h"
#include "apps/planned_ranks.h"
#include "apps/verbs.h"
#include "core/counted.h"
#include "core/error.h"
#include "core/log.h"

namespace baleen::apps {
namespace {

constexpr std::size_t kLayouts = 5;

}  // namespace

int plan_main(int argc, char** argv) {
  std::string path, gpu = "h200";
  std::vector<std::string> overrides;
  std::optional<std::int64_t> asked_ranks;
  bool only_this = false;
  Arguments arguments(argv[0],
                      "Tells memory, traffic and speed of a run before it is started, and the best layouts for its "
                      "number of GPUs. Needs no GPU.");
  arguments.positional("CONFIG", path, "TOML file; `baleen schema` lists the keys")
      .overrides(overrides)
      .option("--ranks", asked_ranks, "Ranks that the run will have, one a GPU; else the fewest that the mesh needs")
      .option(
          "--gpu", gpu,
          fmt::format("{}, or a TOML file like configs/hardware/h200.toml", fmt::join(planner::hardware_names(), ", ")))
      .flag("--only-this", only_this, "Leave out the search for the best layouts");
  if (!arguments.parse(argc, argv)) return 0;
  const int ranks = planned_ranks(asked_ranks, path, overrides);
  const planner::Hardware hardware = planner::load_hardware(gpu);
  const trainer::Config config =
      trainer::load_checked_config(path, overrides, ranks, trainer::Datasets::may_be_missing);
  for (const std::string& idle : trainer::idle_settings(config, ranks)) core::log_warning(idle);
  const planner::Plan plan = planner::make_plan(config, ranks, hardware);
  if (!asked_ranks)
    fmt::print("{:<12}{}, the fewest of this mesh, as --ranks is not given; --ranks N plans for N GPUs\n", "ranks",
               ranks);
  fmt::print("{}", planner::describe(plan, hardware));
  if (!only_this)
    fmt::print("{}",
               planner::describe(planner::best_layouts(config, ranks, hardware, kLayouts), hardware, ranks, config));
  if (planner::fits(plan, hardware)) return 0;
  throw core::Error(core::ExitCode::out_of_memory,
                    fmt::format("this layout over {} does not fit {}", core::counted(ranks, "rank"), hardware.gpu.name),
                    ranks == 1 ? "--ranks N plans for more ranks; parallelism.zero_stage=3 shards over them"
                               : "take a layout that fits, training.recompute=block, or more ranks (--ranks N)");
}

}  // namespace baleen::apps
