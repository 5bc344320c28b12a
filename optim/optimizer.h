#pragma once
// Optimizers over the flat shards of units. The step's decisions (learning rate, clipping, skip) come from the device.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "optim/optimizer_config.h"
#include "parallel/unit.h"

namespace baleen::optim {

/// One of an optimizer's tensors for a unit: flat, aligned element by element with Unit::master(), of its dtype.
struct StateTensor {
  std::string name;  // "exp_avg", as PyTorch calls it; the checkpoint stores parameter boxes under it
  at::Tensor tensor;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Updates the masters of unit `unit` (index in the list given at construction) from its gradient and writes its
  /// shard_values(), as `step_state` says (StepControl::device_state() after decide()). A skipped step changes no bit.
  /// Asynchronous on a GPU: current stream.
  virtual void update(std::size_t unit, const at::Tensor& step_state) = 0;
  /// The state tensors of unit `unit`: zeros at first; a checkpoint writes into them.
  virtual const std::vector<StateTensor>& state(std::size_t unit) const = 0;

 protected:
  explicit Optimizer(const std::vector<parallel::Unit*>& units) : units_(units) {}
  const parallel::Unit& unit(std::size_t unit) const { return *units_.at(unit); }

 private:
  std::vector<parallel::Unit*> units_;
};

/// `units` must outlive the optimizer. Throws Error(usage) for an unknown optimizer.name.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerConfig& config, const std::vector<parallel::Unit*>& units);

/// [shard elements / kDecayBlock] uint8 on the unit's device: which blocks of a unit's shard are decayed.
at::Tensor decay_blocks(const parallel::Unit& unit);

/// What an update also writes: this shard's part of the unit's values, or an undefined tensor where they share storage
/// with the masters or are gathered from them.
at::Tensor published_values(const parallel::Unit& unit);

}  // namespace baleen::optim
