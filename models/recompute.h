#pragma once
// Activation recomputation (Chen et al. 2016): keep less of the forward, replay the rest in the backward, bit for bit.

#include <memory>

#include "models/module.h"

namespace baleen::models {

/// Keeps the input only. The same bits as `inner` alone: a forward is a pure function of input, batch and parameters
/// (dropout included).
class Recomputed final : public Module {
 public:
  explicit Recomputed(std::unique_ptr<Module> inner) : inner_(std::move(inner)) {}

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  std::unique_ptr<Module> inner_;
};

/// Modules one after another.
class Sequence final : public Module {
 public:
  explicit Sequence(std::vector<std::unique_ptr<Module>> parts) : parts_(std::move(parts)) {}

  at::Tensor forward(const at::Tensor& x, const Batch& batch, Saved& saved) override;
  Gradient backward(const Gradient& dy, const Batch& batch, Saved& saved) override;

 private:
  std::vector<std::unique_ptr<Module>> parts_;
};

}  // namespace baleen::models
