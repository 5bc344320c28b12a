#include "trainer/launch_config.h"

namespace baleen::trainer {

const core::Section<LaunchConfig>& launch_section() {
  static const auto section =
      core::Section<LaunchConfig>("launch", "What the processes of a run compute with.")
          .field("threads_per_rank", &LaunchConfig::threads_per_rank,
                 "CPU threads of a rank; 0: the cores of the node shared out among its ranks.", core::not_negative())
          .field("device", &LaunchConfig::device, "auto: a GPU for each rank where there are any, else the CPU.",
                 core::one_of({"auto", "cpu", "cuda"}));
  return section;
}

}  // namespace baleen::trainer
