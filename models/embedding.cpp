#include "models/embedding.h"

#include "kernels/embedding.h"

namespace baleen::models {

Embedding::Embedding(const parallel::Parameter& table, Dropout dropout, const parallel::TensorRegion& region)
    : table_({&table}), first_row_(table.layout->first_row), dropout_(std::move(dropout)), region_(region) {}

at::Tensor Embedding::forward(const at::Tensor& tokens, const Batch& batch, Saved&) {
  at::Tensor x = region_.leave(kernels::embedding(tokens, table_.value(), first_row_));
  return dropout_.active(batch) ? dropout_.forward(x, batch) : x;
}

Gradient Embedding::backward(const Gradient& dy, const Batch& batch, Saved& saved) {
  const at::Tensor drows = dropout_.active(batch) ? dropout_.backward(dy.value, batch) : dy.value;
  saved.weight_gradients().add_embedding(table_, region_.leave_backward(drows), batch.tokens);
  return {};
}

}  // namespace baleen::models
