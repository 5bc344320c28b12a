#include "trainer/training_config.h"

#include "models/recompute_level.h"

namespace baleen::trainer {
namespace {

/// A learning rate is kept for each.
constexpr double kMostSteps = 100e6;

}  // namespace

const core::Section<TrainingConfig>& training_section() {
  using T = TrainingConfig;
  static const auto section =
      core::Section<T>("training", "How long to train, and in what portions.")
          .field("steps", &T::steps, "Optimizer steps.", core::between(1, kMostSteps))
          .field("global_batch_size", &T::global_batch_size, "Sequences of one step, over all ranks.",
                 core::between(1, kMostSequences))
          .field("micro_batch_size", &T::micro_batch_size,
                 "Sequences that a rank computes at once; gradients of the others are accumulated.",
                 core::between(1, 1 << 20))
          .field("sequence_length", &T::sequence_length, "Tokens of a sequence.", core::between(1, 1 << 24))
          .field("recompute", &T::recompute,
                 "What the backward computes again to save memory: nothing; norms and SwiGLU, no product "
                 "(\"elementwise\"); "
                 "gate and up as well (\"mlp\"); whole layers (\"block\"). The bits stay the same.",
                 core::one_of(std::vector<std::string>(models::kRecomputeNames.begin(), models::kRecomputeNames.end())))
          .field("z_loss", &T::z_loss,
                 "Factor of the extra training loss on the squared log-sum-exp of the logits (PaLM); validation leaves "
                 "it out.",
                 core::not_negative())
          .field("validate_every", &T::validate_every,
                 "Steps between validations; 0: only at the end. Needs data.validation.", core::not_negative())
          .field("validation_sequences", &T::validation_sequences, "Sequences of the fixed validation set.",
                 core::between(1, 1 << 24));
  return section;
}

}  // namespace baleen::trainer
