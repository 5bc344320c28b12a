#include "models/saved.h"

#include <utility>

#include "core/error.h"
#include "kernels/embedding.h"
#include "kernels/gemm.h"

namespace baleen::models {

// [walkthrough: weight-gradient]
void WeightGradStore::add_gemm(const parallel::FusedParameters& weight, at::Tensor dy, at::Tensor x) {
  work_.emplace_back([weight, dy = std::move(dy), x = std::move(x)] {
    kernels::linear_weight_gradient(dy, x, weight.grad(), weight.gradient_beta());
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

at::Tensor Saved::pop() {
  core::require(!stack_.empty(), "a backward pops only what its forward has pushed");
  at::Tensor tensor = std::move(stack_.back());
  stack_.pop_back();
  return tensor;
}

std::int64_t Saved::bytes() const {
  std::int64_t bytes = 0;
  for (const at::Tensor& tensor : stack_) bytes += static_cast<std::int64_t>(tensor.nbytes());
  return bytes;
}

}  // namespace baleen::models
