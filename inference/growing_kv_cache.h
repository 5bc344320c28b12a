#pragma once
// Keys and values of the tokens so far, per layer, in buffers that double as they fill.

#include <cstdint>
#include <vector>

#include "models/kv_cache.h"

namespace baleen::inference {

class GrowingKvCache final : public models::KvCache {
 public:
  /// Room for `initial_tokens` at first, for `max_tokens` (the model's context) at most. Memory is taken at the first
  /// append to a layer, of the dtype and on the device of the keys.
  GrowingKvCache(std::int64_t layers, std::int64_t max_tokens, std::int64_t initial_tokens = 256);

  /// The views stay valid until the next append to the same layer.
  View append(int layer, const at::Tensor& keys, const at::Tensor& values) override;

  /// Tokens that every layer holds. Between forward passes all hold the same.
  std::int64_t tokens() const { return layers_.back().tokens; }
  /// Forgets all tokens, keeps the memory.
  void clear();
  std::int64_t bytes() const;

 private:
  struct Layer {
    at::Tensor keys, values;  // [capacity, kv_heads, head_dim]
    std::int64_t tokens = 0;
  };
  void reserve(Layer& layer, std::int64_t tokens, const at::Tensor& like) const;

  std::vector<Layer> layers_;
  std::int64_t max_tokens_, initial_tokens_;
};

}  // namespace baleen::inference
