#pragma once
// SGD with momentum over units: one momentum per unit (kernels/sgd.h has the formula).

#include "kernels/sgd_update.h"
#include "optim/optimizer.h"

namespace baleen::optim {

class Sgd final : public Optimizer {
 public:
  Sgd(const kernels::SgdOptions& options, const std::vector<parallel::Unit*>& units);
  void update(std::size_t unit, const at::Tensor& step_state) override;
  const std::vector<StateTensor>& state(std::size_t unit) const override { return momentum_.at(unit); }

 private:
  kernels::SgdOptions options_;
  std::vector<std::vector<StateTensor>> momentum_;  // by unit: momentum_buffer
  std::vector<at::Tensor> decay_;                   // by unit
};

}  // namespace baleen::optim
