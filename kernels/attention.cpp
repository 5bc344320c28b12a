#include "kernels/attention.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "kernels/cudnn_attention.h"
#include "kernels/device.h"
#include "kernels/flash_attention.h"
#include "kernels/plain_attention.h"

namespace baleen::kernels {
namespace {

void check(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds) {
  core::require(q.dim() == 3 && k.dim() == 3 && has_dense_rows(q) && has_dense_rows(k) && has_dense_rows(v),
                "attention: q [Tq, heads, head_dim], k and v [Tk, kv_heads, head_dim], unit stride in head_dim");
  core::require(k.sizes() == v.sizes() && q.size(2) == k.size(2) && q.size(1) % k.size(1) == 0,
                "attention: k like v, one head_dim, heads a multiple of kv_heads");
  core::require(bounds.query_starts.size() == bounds.key_starts.size() && !bounds.query_starts.empty() &&
                    bounds.query_starts.back() == q.size(0) && bounds.key_starts.back() == k.size(0),
                "attention: the bounds cover all rows of q and of k");
}

}  // namespace

SequenceBounds make_bounds(const std::vector<std::int32_t>& starts, at::Device device) {
  constexpr std::size_t kFewest = 4;  // of int32: 16 bytes
  SequenceBounds bounds;
  bounds.query_starts = bounds.key_starts = starts;
  const auto borders = static_cast<std::int64_t>(starts.size());
  const auto padded = static_cast<std::int64_t>(std::bit_ceil(std::max(starts.size() - 1, kFewest)));
  // Pinned, so that the copy does not make the host wait for the GPU; one copy for all.
  const at::Tensor host =
      at::empty({2 * padded + 2}, at::TensorOptions().dtype(at::kInt).pinned_memory(device.is_cuda()));
  auto* lengths = host.mutable_data_ptr<std::int32_t>();
  std::fill(std::copy(starts.begin(), starts.end(), lengths + padded), lengths + host.numel(), starts.back());
  std::fill(lengths, lengths + padded, 0);
  for (std::size_t s = 1; s < starts.size(); ++s) {
    lengths[s - 1] = starts[s] - starts[s - 1];
    bounds.max_query = std::max<std::int64_t>(bounds.max_query, lengths[s - 1]);
  }
  bounds.max_key = bounds.max_query;
  const at::Tensor copied = host.to(device, /*non_blocking=*/true);
  bounds.padded_lengths_device = copied.narrow(0, 0, padded);
  bounds.padded_starts_device = copied.narrow(0, padded, padded + 2);
  bounds.query_starts_device = bounds.key_starts_device = copied.narrow(0, padded, borders);
  return bounds;
}

Attention attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const SequenceBounds& bounds) {
  check(q, k, v, bounds);
  if (has_cuda_flash_attention(q)) {
    const std::optional<Attention> by_cudnn = cudnn_attention(q, k, v, bounds);
    return by_cudnn ? *by_cudnn : cuda_flash_attention(q, k, v, bounds);
  }
  if (has_cpu_flash_attention(q, bounds)) return cpu_flash_attention(q, k, v, bounds);
  return plain_attention(q, k, v, bounds);
}

void attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                        const at::Tensor& dk, const at::Tensor& dv, bool deterministic) {
  check(q, k, v, bounds);
  core::require(
      dout.sizes() == q.sizes() && dq.sizes() == q.sizes() && dk.sizes() == k.sizes() && dv.sizes() == v.sizes(),
      "attention_backward: dout, dq like q, dk and dv like k");
  if (has_cuda_flash_attention(q)) {
    if (cudnn_attention_backward(dout, q, k, v, saved, bounds, dq, dk, dv, deterministic)) return;
    cuda_flash_attention_backward(dout, q, k, v, saved, bounds, dq, dk, dv, deterministic);
  } else if (has_cpu_flash_attention(q, bounds)) {
    cpu_flash_attention_backward(dout, q, k, v, saved, bounds, dq, dk, dv);
  } else {
    plain_attention_backward(dout, q, k, v, saved, bounds, dq, dk, dv);
  }
}

}  // namespace baleen::kernels
