#pragma once
// What one unit remembers of one micro-batch between its forward and the end of its backward.

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "parallel/unit.h"

namespace baleen::models {

/// A matrix as products read it: in the compute dtype, or in FP8.
struct Operand {
  at::Tensor plain;  // [T, n]; undefined where it is in FP8
  kernels::Fp8Matrix fp8;

  bool in_fp8() const { return !plain.defined(); }
};

/// The weight part of a backward, kept until a schedule wants it. Nothing touches a main gradient before run().
class WeightGradStore {
 public:
  /// Later: weight.grad (+)= dyᵀ x. dy: [T, out], x: [T, in]; of FP8 the transposes, which alone are kept.
  void add_gemm(const parallel::FusedParameters& weight, Operand dy, Operand x);
  /// Later: parameter.grad (+)= gradient, already finished (norms, biases), in the gradient dtype.
  void add_finished(const parallel::FusedParameters& parameter, at::Tensor gradient);
  /// Later: the gradient of an embedding table from dy and its tokens.
  void add_embedding(const parallel::FusedParameters& table, at::Tensor dy, at::Tensor tokens);
  /// Writes (gradient_beta 0) or adds (1) everything and empties the store. Each parameter at most once a micro-batch.
  void run();
  bool empty() const { return work_.empty(); }

 private:
  std::vector<std::function<void()>> work_;
};

/// A stack: forward pushes, backward pops in reverse.
class Saved {
 public:
  void push(at::Tensor tensor) { push(Operand{std::move(tensor), {}}); }
  /// The input of a product for its weight gradient: of FP8 the transpose alone is kept.
  void push(Operand operand);
  at::Tensor pop() { return pop_operand().plain; }
  Operand pop_operand();
  bool empty() const { return stack_.empty(); }
  WeightGradStore& weight_gradients() { return weight_gradients_; }
  /// fp32 [1], zero: where a kernel notes an abs-max (kernels/abs_max.h). Several are zeroed at a time.
  at::Tensor abs_max_slot(at::Device device);
  /// Bytes held by the stack.
  std::int64_t bytes() const;

 private:
  std::vector<Operand> stack_;
  at::Tensor slots_;
  std::int64_t slots_given_ = 0;
  WeightGradStore weight_gradients_;
};

}  // namespace baleen::models
