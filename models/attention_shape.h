#pragma once
// How the heads of q, k and v lie in one packed row.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace baleen::models {

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;

  /// Elements of a packed row: q's heads, k's, v's.
  std::int64_t packed() const { return (heads + 2 * kv_heads) * head_dim; }

  // Views of a packed [T, packed()]: [T, heads or kv_heads, head_dim].
  at::Tensor q(const at::Tensor& packed_rows) const { return part(packed_rows, 0, heads); }
  at::Tensor k(const at::Tensor& packed_rows) const { return part(packed_rows, heads, kv_heads); }
  at::Tensor v(const at::Tensor& packed_rows) const { return part(packed_rows, heads + kv_heads, kv_heads); }

 private:
  at::Tensor part(const at::Tensor& rows, std::int64_t first_head, std::int64_t count) const {
    return rows.view({rows.size(0), -1, head_dim}).narrow(1, first_head, count);
  }
};

}  // namespace baleen::models
