#include "kernels/embedding.h"

#include <ATen/ops/zeros.h>

#include <ATen/TensorOperators.h>

#include "core/error.h"
#include "kernels/device.h"

namespace baleen::kernels {

at::Tensor embedding(const at::Tensor& tokens, const at::Tensor& table, std::int64_t first_row) {
  core::require(tokens.dim() == 1 && table.dim() == 2, "embedding: tokens [T], table [rows, D]");
  const at::Tensor local = tokens - first_row;
  const at::Tensor elsewhere = local.lt(0).logical_or_(local.ge(table.size(0)));
  return table.index_select(0, local.masked_fill(elsewhere, 0)).masked_fill_(elsewhere.unsqueeze(1), 0);
}

void embedding_backward(const at::Tensor& dy, const at::Tensor& tokens, const at::Tensor& out, std::int64_t first_row,
                        double beta) {
  core::require(dy.dim() == 2 && out.dim() == 2 && dy.size(1) == out.size(1),
                "embedding_backward: dy [T, D], out [rows, D]");
  const at::Tensor local = tokens - first_row;
  const at::Tensor elsewhere = local.lt(0).logical_or_(local.ge(out.size(0)));
  if (beta == 0) out.zero_();
  const at::Tensor rows = dy.to(out.scalar_type()).masked_fill(elsewhere.unsqueeze(1), 0);
  at::Tensor(out).index_add_(0, local.masked_fill(elsewhere, 0), rows);
}

}  // namespace baleen::kernels
