#include "models/embedding.h"

#include "kernels/embedding.h"

namespace baleen::models {

Embedding::Embedding(const parallel::Parameter& table, Dropout dropout)
    : table_({&table}), first_row_(table.layout->first_row), dropout_(std::move(dropout)) {}

at::Tensor Embedding::forward(const at::Tensor& tokens, const Batch& batch, Saved&) {
  at::Tensor x = kernels::embedding(tokens, table_.value(), first_row_);
  return dropout_.active(batch) ? dropout_.forward(x, batch) : x;
}

at::Tensor Embedding::backward(const at::Tensor& dy, const Batch& batch, Saved& saved) {
  saved.weight_gradients().add_embedding(table_, dropout_.active(batch) ? dropout_.backward(dy, batch) : dy,
                                         batch.tokens);
  return {};
}

}  // namespace baleen::models
