#include "trainer/run_config.h"

namespace baleen::trainer {

const core::Section<RunConfig>& run_section() {
  static const auto section =
      core::Section<RunConfig>("run", "The run's name, place and seed.")
          .field("name", &RunConfig::name, "Name of the run; empty: that of the configuration file.")
          .field("dir", &RunConfig::dir, "Folder of runs; this one is kept in DIR/NAME.", core::not_empty())
          .field("seed", &RunConfig::seed, "The one seed of initial weights, data order and dropout.",
                 core::not_negative())
          .field("deterministic", &RunConfig::deterministic,
                 "Same binary, layout and seed: same bits; slower where a faster kernel is not repeatable.");
  return section;
}

}  // namespace baleen::trainer
