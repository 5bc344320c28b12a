#pragma once
// y = x + dropout(down(swiglu(gate_up(norm(x))))).

#include "models/linear.h"
#include "models/norm.h"
#include "models/recompute_level.h"

namespace baleen::models {

class MlpBlock final : public Module {
 public:
  MlpBlock(Norm norm, Linear gate_up, ResidualLinear down, Recompute recompute);

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  /// All that lies between x and the down projection.
  struct Inner {
    at::Tensor rstd;
    Operand normed;
    at::Tensor gate_up;
    Operand activation;
  };
  /// gate_up: undefined where it is to be made.
  Inner inner(const at::Tensor& x, at::Tensor gate_up, const Batch& batch, Saved& saved) const;
  /// The gradient of gate and up, and that of down's weight to `saved`. Takes from `made` what nothing reads later.
  Operand gate_up_gradient(const Gradient& dy, Inner& made, const Batch& batch, Saved& saved) const;

  Norm norm_;
  Linear gate_up_;
  ResidualLinear down_;
  Recompute recompute_;
};

}  // namespace baleen::models
