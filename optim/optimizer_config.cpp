#include "optim/optimizer_config.h"

namespace baleen::optim {

const core::Section<OptimizerConfig>& optimizer_section() {
  using T = OptimizerConfig;
  static const auto section =
      core::Section<T>("optimizer", "How parameters follow their gradients.")
          .field("name", &T::name, "AdamW, or SGD with momentum.", core::one_of({"adamw", "sgd"}))
          .field("lr", &T::lr, "Peak learning rate.", core::positive())
          .field("betas", &T::betas, "adamw: decay of the first and second moment.", core::in_half_open(0, 1))
          .field("eps", &T::eps, "adamw: added to the root of the second moment.", core::positive())
          .field("momentum", &T::momentum, "sgd: decay of the running gradient.", core::in_half_open(0, 1))
          .field("weight_decay", &T::weight_decay, "Decoupled from the gradient; norms and biases have none.",
                 core::not_negative())
          .field("max_grad_norm", &T::max_grad_norm, "Gradients with a larger global norm are scaled down; 0: never.",
                 core::not_negative());
  return section;
}

}  // namespace baleen::optim
