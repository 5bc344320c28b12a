// baleen check CONFIG [section.key=VALUE ...] [--ranks N] [--resolved]

#include <fmt/core.h>

#include "apps/arguments.h"
#include "apps/planned_ranks.h"
#include "apps/verbs.h"
#include "core/error.h"
#include "core/log.h"
#include "planner/model_summary.h"
#include "trainer/config.h"

namespace baleen::apps {

int check_main(int argc, char** argv) {
  std::string path;
  std::vector<std::string> overrides;
  std::optional<std::int64_t> asked_ranks;
  bool resolved = false;
  Arguments arguments(argv[0], "Tells everything that is wrong with a configuration, or what it amounts to.");
  arguments.positional("CONFIG", path, "TOML file; `baleen schema` lists the keys")
      .overrides(overrides)
      .option("--ranks", asked_ranks, "Ranks that the run will have; else the fewest that the mesh needs")
      .flag("--resolved", resolved, "Print the whole configuration, defaults included, as TOML");
  if (!arguments.parse(argc, argv)) return 0;
  const int ranks = planned_ranks(asked_ranks, path, overrides);

  const trainer::Config config = trainer::load_checked_config(path, overrides, ranks);
  for (const std::string& idle : trainer::idle_settings(config, ranks)) core::log_warning(idle);
  fmt::print("{}", resolved ? trainer::to_toml(config) : planner::summarize(config, ranks));
  return 0;
}

}  // namespace baleen::apps
