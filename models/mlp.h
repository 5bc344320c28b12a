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
  at::Tensor backward(const at::Tensor& dy, const Batch& batch, Saved& saved) override;

 private:
  /// All that lies between x and the down projection.
  struct Inner {
    at::Tensor rstd;
    Operand normed;
    at::Tensor gate_up;
    Operand activation;
  };
  Inner inner(const at::Tensor& x, const Batch& batch) const;

  Norm norm_;
  Linear gate_up_;
  ResidualLinear down_;
  bool recompute_;
};

}  // namespace baleen::models
