#include "models/saved.h"

#include <ATen/ops/zeros.h>

#include <utility>

#include "core/error.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"

namespace baleen::models {

// [walkthrough: weight-gradient]
void WeightGradStore::add_gemm(const parallel::FusedParameters& weight, Operand dy, Operand x) {
  dy.fp8.rows = x.fp8.rows = {};
  work_.emplace_back([weight, dy = std::move(dy), x = std::move(x)] {
    if (x.in_fp8()) {
      kernels::linear_weight_gradient(dy.fp8, x.fp8, weight.grad(), weight.gradient_beta());
    } else {
      kernels::linear_weight_gradient(dy.plain, x.plain, weight.grad(), weight.gradient_beta());
    }
  });
}
// [end]

void WeightGradStore::add_finished(const parallel::FusedParameters& parameter, at::Tensor gradient) {
  work_.emplace_back([parameter, gradient = std::move(gradient)] {
    if (parameter.gradient_beta() == 0.0) {
      parameter.grad().copy_(gradient);
    } else {
      parameter.grad().add_(gradient);
    }
  });
}

void WeightGradStore::add_embedding(const parallel::FusedParameters& table, at::Tensor dy, at::Tensor tokens) {
  work_.emplace_back([table, dy = std::move(dy), tokens = std::move(tokens)] {
    const std::int64_t first_row = table.parts().front()->layout->first_row;
    kernels::embedding_backward(dy, tokens, table.grad(), first_row, table.gradient_beta());
  });
}

void WeightGradStore::run() {
  // Operands are released one by one, so memory falls while the gradients are written.
  for (auto& work : work_) std::exchange(work, nullptr)();
  work_.clear();
}

void Saved::push(Operand operand) {
  operand.fp8.rows = {};
  stack_.push_back(std::move(operand));
}

Operand Saved::pop_operand() {
  core::require(!stack_.empty(), "a backward pops only what its forward has pushed");
  Operand operand = std::move(stack_.back());
  stack_.pop_back();
  return operand;
}

at::Tensor Saved::abs_max_slot(at::Device device) {
  constexpr std::int64_t kSlots = 8;  // a layer asks for seven
  if (slots_given_ % kSlots == 0) slots_ = at::zeros({kSlots}, at::TensorOptions(device).dtype(at::kFloat));
  return slots_.narrow(0, slots_given_++ % kSlots, 1);
}

std::int64_t Saved::bytes() const {
  std::int64_t bytes = 0;
  for (const Operand& operand : stack_)
    bytes += operand.in_fp8() ? kernels::bytes_of(operand.fp8) : static_cast<std::int64_t>(operand.plain.nbytes());
  return bytes;
}

}  // namespace baleen::models
