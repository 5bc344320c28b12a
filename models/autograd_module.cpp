#include "models/autograd_module.h"

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace baleen::models {

AutogradModule::AutogradModule(const std::vector<const parallel::Parameter*>& parameters, Forward forward)
    : forward_(std::move(forward)) {
  for (const parallel::Parameter* parameter : parameters) parameters_.push_back(parallel::FusedParameters({parameter}));
}

at::Tensor AutogradModule::forward(const at::Tensor& x, const Batch& batch, Saved& saved) {
  const bool train = batch.mode == Mode::train;
  const at::AutoGradMode record(train);
  // Leaves of a graph of their own, sharing storage with x and the parameters.
  const auto leaf = [train](const at::Tensor& tensor) { return tensor.detach().requires_grad_(train); };
  const at::Tensor input = leaf(x);
  std::vector<at::Tensor> values;
  for (const auto& parameter : parameters_) values.push_back(leaf(parameter.value()));

  const at::Tensor y = forward_(input, values, batch);
  if (train) {
    saved.push(input);
    for (const at::Tensor& value : values) saved.push(value);
    saved.push(y);
  }
  return y.detach();
}

Gradient AutogradModule::backward(const Gradient& dy, const Batch&, Saved& saved) {
  const at::Tensor y = saved.pop();
  std::vector<at::Tensor> leaves(parameters_.size() + 1);
  for (std::size_t i = leaves.size(); i > 0; --i) leaves[i - 1] = saved.pop();

  const std::vector<at::Tensor> gradients = torch::autograd::grad({y}, leaves, {dy.value});
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    saved.weight_gradients().add_finished(parameters_[i], gradients[i + 1].to(parameters_[i].gradient_type()));
  }
  return gradients[0];
}

}  // namespace baleen::models
