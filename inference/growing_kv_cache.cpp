#include "inference/growing_kv_cache.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "core/error.h"

namespace baleen::inference {
namespace {

// A buffer for `capacity` tokens that begins with the first `tokens` of `old` (may be undefined).
at::Tensor enlarged(const at::Tensor& old, std::int64_t tokens, std::int64_t capacity, const at::Tensor& like) {
  at::Tensor buffer = at::empty({capacity, like.size(1), like.size(2)}, like.options());
  if (tokens > 0) buffer.narrow(0, 0, tokens).copy_(old.narrow(0, 0, tokens));
  return buffer;
}

}  // namespace

GrowingKvCache::GrowingKvCache(std::int64_t layers, std::int64_t max_tokens, std::int64_t initial_tokens)
    : layers_(static_cast<std::size_t>(layers)), max_tokens_(max_tokens), initial_tokens_(initial_tokens) {
  core::require(layers > 0 && max_tokens > 0 && initial_tokens > 0, "a cache has layers and room");
}

models::KvCache::View GrowingKvCache::append(int layer, const at::Tensor& keys, const at::Tensor& values) {
  core::require(keys.dim() == 3 && keys.sizes() == values.sizes(), "keys and values are [T, kv_heads, head_dim]");
  Layer& held = layers_.at(static_cast<std::size_t>(layer));
  const std::int64_t added = keys.size(0), total = held.tokens + added;
  reserve(held, total, keys);
  held.keys.narrow(0, held.tokens, added).copy_(keys);
  held.values.narrow(0, held.tokens, added).copy_(values);
  held.tokens = total;
  return {held.keys.narrow(0, 0, total), held.values.narrow(0, 0, total)};
}

void GrowingKvCache::reserve(Layer& layer, std::int64_t tokens, const at::Tensor& like) const {
  core::require(tokens <= max_tokens_, "a cache holds no more tokens than the model's context");
  const std::int64_t capacity = layer.keys.defined() ? layer.keys.size(0) : 0;
  if (tokens <= capacity) return;
  const std::int64_t larger = std::min(max_tokens_, std::max({tokens, 2 * capacity, initial_tokens_}));
  layer.keys = enlarged(layer.keys, layer.tokens, larger, like);
  layer.values = enlarged(layer.values, layer.tokens, larger, like);
}

void GrowingKvCache::clear() {
  for (Layer& layer : layers_) layer.tokens = 0;
}

std::int64_t GrowingKvCache::bytes() const {
  std::int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    if (layer.keys.defined()) bytes += static_cast<std::int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  }
  return bytes;
}

}  // namespace baleen::inference
