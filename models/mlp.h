#pragma once
// y = x + dropout(down(swiglu(gate_up(norm(x))))).

#include "models/linear.h"
#include "models/norm.h"

namespace baleen::models {

class MlpBlock final : public Module {
 public:
  /// recompute: keep only x and replay norm, gate_up and SwiGLU in the backward; the same bits, for one GEMM more.
  MlpBlock(Norm norm, Linear gate_up, ResidualLinear down, bool recompute);

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
  Inner inner(const at::Tensor& x, const Batch& batch, Saved& saved) const;
  /// The gradient of gate and up, and that of down's weight to `saved`. Takes from `made` what nothing reads later.
  Operand gate_up_gradient(const Gradient& dy, Inner& made, const Batch& batch, Saved& saved) const;

  Norm norm_;
  Linear gate_up_;
  ResidualLinear down_;
  bool recompute_;
};

}  // namespace baleen::models
