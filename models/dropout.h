#pragma once
// One place in the model where elements are dropped while training.

#include <string>

#include "models/batch.h"
#include "parallel/tensor_region.h"

namespace baleen::models {

/// The mask is a function of (seed, step, site, global element), so it depends neither on the layout nor on how the
/// batch is cut into micro-batches, and the backward makes it again instead of keeping it.
class Dropout {
 public:
  /// p: probability to drop, in [0, 1). site: names the place, "layer.3/mlp". region: whose outer form x has.
  Dropout(double p, std::string site, const parallel::TensorRegion& region = {})
      : p_(p), site_(std::move(site)), region_(region) {}

  /// False where forward and backward are the identity: callers then skip them.
  bool active(const Batch& batch) const { return p_ > 0.0 && batch.mode == Mode::train; }
  /// x: [rows, dim] of the outer form, contiguous. Returns a new tensor: x with elements dropped and the rest scaled (+
  /// residual).
  at::Tensor forward(const at::Tensor& x, const Batch& batch, const at::Tensor& residual = {}) const;
  at::Tensor backward(const at::Tensor& dy, const Batch& batch) const { return forward(dy, batch); }

 private:
  double p_;
  std::string site_;
  parallel::TensorRegion region_;
};

}  // namespace baleen::models
