#pragma once
// For trying an idea: a block of which only the forward is written, with plain ATen ops; LibTorch's autograd does the
// backward.

#include <functional>
#include <vector>

#include "models/module.h"

namespace baleen::models {

class AutogradModule final : public Module {
 public:
  /// x: [T, in]; values: those of the module's parameters, in the order they were given. Returns [T, out].
  /// Must not write to x or values in place. No dropout of LibTorch's own: its generator knows nothing of the layout;
  /// models/dropout.h does not know autograd.
  using Forward =
      std::function<at::Tensor(const at::Tensor& x, const std::vector<at::Tensor>& values, const Batch& batch)>;

  /// parameters: all of the unit. One that is left out would be trained by what its gradient's memory happens to hold.
  AutogradModule(const std::vector<const parallel::Parameter*>& parameters, Forward forward);

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  std::vector<parallel::FusedParameters> parameters_;
  Forward forward_;
};

}  // namespace baleen::models
