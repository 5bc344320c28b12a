#pragma once
// Rows of a table by token; the table may be this rank's part of a sharded vocabulary.

#include <ATen/core/Tensor.h>

namespace baleen::kernels {

/// tokens: [T] int64; table: [rows, D] holds the global rows from first_row. Rows held elsewhere come out as zeros.
at::Tensor embedding(const at::Tensor& tokens, const at::Tensor& table, std::int64_t first_row);

/// out (+)= the sum of dy's rows by token: deterministic. out: [rows, D] fp32 (fp64 where dy is); beta 0 overwrites all
/// of out, 1 adds.
void embedding_backward(const at::Tensor& dy, const at::Tensor& tokens, const at::Tensor& out, std::int64_t first_row,
                        double beta);

}  // namespace baleen::kernels
