#include "trainer/numerics_config.h"

namespace baleen::trainer {

const core::Section<NumericsConfig>& numerics_section() {
  static const auto section =
      core::Section<NumericsConfig>("numerics", "When a run that has gone wrong stops.")
          .field("max_bad_steps", &NumericsConfig::max_bad_steps,
                 "Steps in a row with a loss or gradient that is not finite, after which the run stops with exit code "
                 "30.",
                 core::between(1, 1e9));
  return section;
}

}  // namespace baleen::trainer
