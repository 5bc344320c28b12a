#pragma once
// A block with a forward and a backward written by hand. No hooks, no hidden order: the order of execution is the code.

#include <ATen/core/Tensor.h>

#include "models/batch.h"
#include "models/saved.h"
#include "parallel/gradient.h"

namespace baleen::models {

using parallel::Gradient;

class Module {
 public:
  virtual ~Module() = default;
  /// x: [T, in]. Returns [T, out]. Pushes onto `saved` what the backward needs (nothing unless batch.mode is train).
  virtual at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) = 0;
  /// dy: the gradient of what forward returned. Returns the gradient of x. Pops what forward pushed, in reverse.
  /// Parameter gradients are not touched: their operands go to saved.weight_gradients().
  virtual Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) = 0;
};

}  // namespace baleen::models
