#pragma once
// What attention asks of a cache of keys and values; inference/ implements it.

#include <ATen/core/Tensor.h>

namespace baleen::models {

class KvCache {
 public:
  struct View {
    at::Tensor keys, values;  // [tokens so far, kv_heads, head_dim]
  };
  virtual ~KvCache() = default;
  /// Appends the new tokens' rotated keys and values ([T, kv_heads, head_dim]) of a layer; returns all so far.
  virtual View append(int layer, const at::Tensor& keys, const at::Tensor& values) = 0;
};

}  // namespace baleen::models
