#include "optim/sgd.h"

#include <ATen/ops/zeros_like.h>

#include "kernels/sgd.h"

namespace baleen::optim {

Sgd::Sgd(const kernels::SgdOptions& options, const std::vector<parallel::Unit*>& units)
    : Optimizer(units), options_(options) {
  for (const parallel::Unit* unit : units) {
    momentum_.push_back({{"momentum_buffer", at::zeros_like(unit->master())}});
    decay_.push_back(decay_blocks(*unit));
  }
}

void Sgd::update(std::size_t i, const at::Tensor& step_state) {
  kernels::sgd_(unit(i).master(), unit(i).gradient(), momentum_[i][0].tensor, published_values(unit(i)), decay_[i],
                step_state, options_);
}

}  // namespace baleen::optim
