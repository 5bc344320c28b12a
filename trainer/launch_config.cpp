#include "trainer/launch_config.h"

namespace baleen::trainer {

const core::Section<LaunchConfig>& launch_section() {
  static const auto section =
      core::Section<LaunchConfig>("launch", "What the processes of a run compute with.")
          .field("threads_per_rank", &LaunchConfig::threads_per_rank,
                 "CPU threads of a rank; 0: OMP_NUM_THREADS where set, else the cores of the node shared out among its "
                 "ranks. On a machine that is busy with other work fewer are faster.",
                 core::between(0, 8192))
          .field("device", &LaunchConfig::device, "auto: a GPU for each rank where there are any, else the CPU.",
                 core::one_of({"auto", "cpu", "cuda"}, {{"gpu", "cuda"}}));
  return section;
}

}  // namespace baleen::trainer
