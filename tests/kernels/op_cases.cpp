#include "tests/kernels/op_cases.h"

#include <ATen/ops/empty.h>

#include <limits>

#include "kernels/device.h"

namespace baleen::kernels::testing {

std::vector<OpCase> all_op_cases() {
  std::vector<OpCase> cases = layer_op_cases();
  for (OpCase& op_case : token_op_cases()) cases.push_back(std::move(op_case));
  return cases;
}

Tensors inputs_in(const OpCase& op_case, at::ScalarType type) {
  Tensors inputs;
  for (const at::Tensor& input : op_case.inputs) {
    inputs.push_back(input.is_floating_point() ? input.to(type) : input.clone());
  }
  return inputs;
}

at::Tensor poisoned_gradient(at::IntArrayRef sizes, const at::Tensor& like) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  return at::empty(sizes, like.options().dtype(compute_type(like.scalar_type()))).fill_(nan);
}

at::Tensor copy_of(const at::Tensor& tensor) {
  return tensor.new_empty_strided(tensor.sizes(), tensor.strides()).copy_(tensor);
}

std::string sized(const std::string& name, at::IntArrayRef sizes) {
  std::string text = name;
  for (const std::int64_t size : sizes) text += "_" + std::to_string(size);
  return text;
}

}  // namespace baleen::kernels::testing
