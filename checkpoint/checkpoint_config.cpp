#include "checkpoint/checkpoint_config.h"

namespace baleen::checkpoint {

const core::Section<CheckpointConfig>& checkpoint_section() {
  static const auto section =
      core::Section<CheckpointConfig>("checkpoint", "When to save the run and what to keep. The end is always saved.")
          .field("every", &CheckpointConfig::every, "Steps between checkpoints; 0: only at the end.",
                 core::not_negative())
          .field("keep", &CheckpointConfig::keep, "Newest checkpoints that stay; 0: all.", core::not_negative());
  return section;
}

}  // namespace baleen::checkpoint
