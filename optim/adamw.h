#pragma once
// AdamW over units: exp_avg and exp_avg_sq per unit (kernels/adamw.h has the formula).

#include "kernels/adamw_update.h"
#include "optim/optimizer.h"

namespace baleen::optim {

class AdamW final : public Optimizer {
 public:
  AdamW(const kernels::AdamwOptions& options, const std::vector<parallel::Unit*>& units);
  void update(std::size_t unit, const at::Tensor& step_state) override;
  const std::vector<StateTensor>& state(std::size_t unit) const override { return moments_.at(unit); }

 private:
  kernels::AdamwOptions options_;
  std::vector<std::vector<StateTensor>> moments_;  // by unit: exp_avg, exp_avg_sq
  std::vector<at::Tensor> decay_;                  // by unit
};

}  // namespace baleen::optim
