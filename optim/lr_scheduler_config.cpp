#include "optim/lr_scheduler_config.h"

namespace baleen::optim {

const core::Section<LrSchedulerConfig>& lr_scheduler_section() {
  using T = LrSchedulerConfig;
  static const auto section =
      core::Section<T>("lr_scheduler", "The learning rate over the steps.")
          .field("name", &T::name, "Shape after the warmup; wsd: stable, then a decay that ends the training.",
                 core::one_of({"constant", "cosine", "linear", "wsd"}))
          .field("warmup_steps", &T::warmup_steps, "Steps over which the rate rises to its peak.",
                 core::between(0, 100e6))
          .field("decay_steps", &T::decay_steps,
                 "Steps of the decay; 0: cosine and linear take all after the warmup, wsd the last tenth of the "
                 "training.",
                 core::between(0, 100e6))
          .field("min_lr_ratio", &T::min_lr_ratio, "Share of the peak that is left after the decay.",
                 core::between(0, 1));
  return section;
}

}  // namespace baleen::optim
