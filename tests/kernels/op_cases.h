#pragma once
// One table of all ops with odd shapes, for the tests of precision and for the comparison of CPU and GPU.

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

namespace baleen::kernels::testing {

using Tensors = std::vector<at::Tensor>;

/// Inputs keep their integer tensors as they are; the others come in the type under test, on the device under test.
struct OpCase {
  std::string name;
  Tensors inputs;                             // FP64 or integer, on the CPU
  std::function<Tensors(const Tensors&)> op;  // what is tested; computes in the inputs' type, on their device
  /// The plain computation, each ATen operation rounding to the inputs' type. Same outputs.
  std::function<Tensors(const Tensors&)> plain;
  double error_factor;        // the largest error of `op` in terms of that of `plain`
  double fp32_roundings = 4;  // allowed in FP32 in any case, of the largest value
};

std::vector<OpCase> layer_op_cases();  // products, norms, rotary embedding, SwiGLU
std::vector<OpCase> token_op_cases();  // embedding, cross-entropy, attention, dropout
/// Both.
std::vector<OpCase> all_op_cases();

/// The inputs of a case in a type.
Tensors inputs_in(const OpCase& op_case, at::ScalarType type);

inline constexpr double kForward = 2, kBackward = 3;  // error factors by the design's rule

/// A gradient in the type that sums of `like` are made in, NaN until it is written.
at::Tensor poisoned_gradient(at::IntArrayRef sizes, const at::Tensor& like);
/// The same values in the same strides.
at::Tensor copy_of(const at::Tensor& tensor);
/// "name_1_2" of name and {1, 2}.
std::string sized(const std::string& name, at::IntArrayRef sizes);

}  // namespace baleen::kernels::testing
