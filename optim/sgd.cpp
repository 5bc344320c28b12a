#include "optim/sgd.h"

#include <ATen/ops/zeros_like.h>

#include "kernels/sgd.h"

namespace baleen::optim {

Sgd::Sgd(const kernels::SgdOptions& options, const std::vector<parallel::Unit*>& units)
    : options_(options), units_(units) {
  for (const parallel::Unit* unit : units) {
    momentum_.push_back({{"momentum_buffer", at::zeros_like(unit->master())}});
    decay_.push_back(decay_blocks(*unit));
  }
}

void Sgd::step(const at::Tensor& step_state) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    kernels::sgd_(units_[i]->master(), units_[i]->gradient(), momentum_[i][0].tensor, published_values(*units_[i]),
                  decay_[i], step_state, options_);
  }
}

}  // namespace baleen::optim
