#include "models/fp8_linears.h"

namespace baleen::models {

Fp8Linears fp8_linears(const ModelConfig& config, int tensor_degree, std::int64_t smallest) {
  const std::int64_t head = config.head_dim(), dim = config.dim;
  const std::int64_t q = config.heads / tensor_degree * head;
  const std::int64_t kv = config.kv_heads / std::min<std::int64_t>(config.kv_heads, tensor_degree) * head;
  const std::int64_t ffn = config.ffn_dim / tensor_degree;
  return {computes_in_fp8(q + 2 * kv, dim, smallest), computes_in_fp8(dim, q, smallest),
          computes_in_fp8(2 * ffn, dim, smallest), computes_in_fp8(dim, ffn, smallest)};
}

}  // namespace baleen::models
