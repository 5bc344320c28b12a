#include "optim/adamw.h"

#include <ATen/ops/zeros_like.h>

#include "kernels/adamw.h"

namespace baleen::optim {

AdamW::AdamW(const kernels::AdamwOptions& options, const std::vector<parallel::Unit*>& units)
    : Optimizer(units), options_(options) {
  for (const parallel::Unit* unit : units) {
    moments_.push_back({{"exp_avg", at::zeros_like(unit->master())}, {"exp_avg_sq", at::zeros_like(unit->master())}});
    decay_.push_back(decay_blocks(*unit));
  }
}

void AdamW::update(std::size_t i, const at::Tensor& step_state) {
  kernels::adamw_(unit(i).master(), unit(i).gradient(), moments_[i][0].tensor, moments_[i][1].tensor,
                  published_values(unit(i)), decay_[i], step_state, options_);
}

}  // namespace baleen::optim
