#include "kernels/cudnn_attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mul.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "core/log.h"
#include "kernels/cudnn_graph.h"
#include "kernels/device.h"

namespace baleen::kernels {
namespace {

using namespace cudnn;

bool equal_lengths(const SequenceBounds& bounds) {
  const auto& starts = bounds.query_starts;
  return std::adjacent_find(starts.begin(), starts.end(), [&](auto a, auto b) { return b - a != bounds.max_query; }) ==
         starts.end();
}

/// Sequences and lengths of packed batches change from batch to batch: graphs are built for the next powers of two.
Call make_call(std::vector<Operand> operands, const SequenceBounds& bounds) {
  constexpr std::int64_t kTile = 128;
  Call call{.operands = std::move(operands), .stats = {}, .bounds = bounds};
  call.packed = !equal_lengths(bounds);
  call.sequences =
      call.packed ? bounds.padded_lengths_device.size(0) : static_cast<std::int64_t>(bounds.query_starts.size()) - 1;
  const auto longest = static_cast<std::uint64_t>(std::max(bounds.max_query, kTile));
  call.length = call.packed ? static_cast<std::int64_t>(std::bit_ceil(longest)) : bounds.max_query;
  return call;
}

std::vector<std::int64_t> key_of(const Call& call) {
  const at::Tensor& q = call.q();
  std::vector<std::int64_t> key{static_cast<std::int64_t>(q.scalar_type()),
                                q.device().index(),
                                static_cast<std::int64_t>(call.backward) | static_cast<std::int64_t>(call.packed) << 1 |
                                    static_cast<std::int64_t>(call.deterministic) << 2,
                                call.sequences,
                                call.length,
                                q.size(0),
                                q.size(1),
                                call.k().size(1),
                                q.size(2)};
  for (const Operand& operand : call.operands) {
    key.push_back(operand.tensor.stride(0));
    key.push_back(operand.tensor.stride(1));
  }
  return key;
}

/// Why no graph can take the call, or empty.
std::string obstacle(const Call& call) {
  constexpr std::int64_t kElementsOf16Bytes = 8;
  if (call.bounds.query_starts != call.bounds.key_starts) return "there are more keys than queries";
  for (const auto& [name, t] : call.operands) {
    if (t.size(2) % kElementsOf16Bytes != 0) return "the head size is no multiple of 8";
    if (t.stride(0) % kElementsOf16Bytes != 0 || t.stride(1) % kElementsOf16Bytes != 0 ||
        reinterpret_cast<std::uintptr_t>(t.const_data_ptr()) % 16 != 0) {
      return "rows do not start on 16 bytes";
    }
  }
  return {};
}

/// Where the graph has a refusal, cuDNN does not take these calls.
struct Plan {
  std::unique_ptr<Graph> graph;
  at::Tensor row_strides;  // packed: [operands + stats, 1] int64 on the device, what turns borders into offsets
};

/// One device's handle and its graphs.
struct DeviceGraphs {
  cudnnHandle_t handle = nullptr;
  std::map<std::vector<std::int64_t>, Plan> plans;
};

/// Never destroyed: at exit the CUDA driver may be gone before us. cuDNN's plans are not safe to run in two threads at
/// once, so launching is under the lock too.
struct Graphs {
  std::mutex mutex;
  std::map<int, DeviceGraphs> devices;

  static Graphs& instance() {
    static auto& graphs = *new Graphs;
    return graphs;
  }
};

at::Tensor row_strides(const Call& call) {
  const auto count = static_cast<std::int64_t>(call.operands.size()) + 1;
  const at::Tensor host = at::empty({count, 1}, at::TensorOptions().dtype(at::kLong));
  auto* strides = host.mutable_data_ptr<std::int64_t>();
  for (const Operand& operand : call.operands) *strides++ = operand.tensor.stride(0);
  *strides = call.q().size(1);
  return host.to(call.q().device());
}

Plan make_plan(cudnnHandle_t handle, const Call& call) {
  constexpr std::int64_t kSmall = std::int64_t{64} << 20;
  const std::int64_t most = 10 * call.q().numel() * call.q().element_size() + kSmall;
  Plan plan{std::make_unique<Graph>(handle, call, most), {}};
  if (!plan.graph->refusal().empty())
    core::log_info("cuDNN does not take attention" + std::string(call.backward ? " backward" : "") + " of " +
                   std::to_string(call.sequences) + " sequences of " + std::to_string(call.length) +
                   " tokens, head size " + std::to_string(call.q().size(2)) + " (" + plan.graph->refusal() +
                   "): FlashAttention-2 does");
  else if (call.packed)
    plan.row_strides = row_strides(call);
  return plan;
}

/// The offsets of packed operands, [operands + stats, borders]: rows lie on 16 bytes, since there is an even number of
/// borders.
at::Tensor add_offsets(std::unordered_map<std::int64_t, void*>& pointers, const Call& call, const Plan& plan) {
  const at::Tensor offsets = at::mul(plan.row_strides, call.bounds.padded_starts_device.unsqueeze(0));
  auto* row = offsets.mutable_data_ptr<std::int64_t>();
  for (const Operand& operand : call.operands) {
    pointers[kBorders + operand.name] = row;
    row += offsets.size(1);
  }
  pointers[kBorders + kStats] = row;
  pointers[kQueryLengths] = pointers[kKeyLengths] = call.bounds.padded_lengths_device.mutable_data_ptr();
  return offsets;
}

/// Runs the call's graph on the current stream; false where cuDNN has none.
bool run(const Call& call) {
  if (!obstacle(call).empty()) return false;
  const CudaScope scope(call.q());
  Graphs& graphs = Graphs::instance();
  const std::lock_guard lock(graphs.mutex);
  DeviceGraphs& device = graphs.devices[call.q().device().index()];
  if (device.handle == nullptr) check(cudnnCreate(&device.handle) == CUDNN_STATUS_SUCCESS, "no handle");
  const std::vector<std::int64_t> key = key_of(call);
  auto found = device.plans.find(key);
  if (found == device.plans.end()) found = device.plans.emplace(key, make_plan(device.handle, call)).first;
  const Plan& plan = found->second;
  if (!plan.graph->refusal().empty()) return false;

  std::unordered_map<std::int64_t, void*> pointers{{kStats, call.stats.mutable_data_ptr()}};
  for (const Operand& operand : call.operands) pointers[operand.name] = operand.tensor.mutable_data_ptr();
  at::Tensor offsets;
  if (call.packed) offsets = add_offsets(pointers, call, plan);
  const at::Tensor workspace =
      at::empty({std::max<std::int64_t>(plan.graph->workspace(), 1)}, call.q().options().dtype(at::kByte));
  check(cudnnSetStream(device.handle, static_cast<cudaStream_t>(scope.stream())) == CUDNN_STATUS_SUCCESS, "no stream");
  plan.graph->execute(device.handle, pointers, workspace.mutable_data_ptr());
  return true;
}

}  // namespace

std::optional<Attention> cudnn_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                         const SequenceBounds& bounds) {
  const std::int64_t tokens = q.size(0), heads = q.size(1);
  Attention result{at::empty(q.sizes(), q.options()), {}};
  Call call = make_call({{kQ, q}, {kK, k}, {kV, v}, {kOut, result.out}}, bounds);
  const auto fp32 = q.options().dtype(at::kFloat);
  result.lse =
      call.packed ? at::empty({tokens, heads}, fp32).t() : at::empty({call.sequences, heads, call.length}, fp32);
  call.stats = result.lse;
  if (!run(call)) return std::nullopt;
  return result;
}

bool cudnn_attention_backward(const at::Tensor& dout, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const Attention& saved, const SequenceBounds& bounds, const at::Tensor& dq,
                              const at::Tensor& dk, const at::Tensor& dv, bool deterministic) {
  // For packed grouped heads cuDNN takes a workspace of as many rows as dk and dv have, each as long as the distance of
  // theirs times the heads of a group, in FP32: too much where they lie in a packed dQKV.
  const bool apart = !equal_lengths(bounds) && q.size(1) != k.size(1);
  const at::Tensor dk_rows = apart ? at::empty(k.sizes(), k.options()) : dk,
                   dv_rows = apart ? at::empty(v.sizes(), v.options()) : dv;
  Call call = make_call(
      {{kQ, q}, {kK, k}, {kV, v}, {kOut, saved.out}, {kDout, dout}, {kDq, dq}, {kDk, dk_rows}, {kDv, dv_rows}}, bounds);
  const at::Tensor& lse = saved.lse;
  const bool ours = call.packed ? lse.dim() == 2 && lse.t().is_contiguous() : lse.dim() == 3 && lse.is_contiguous();
  call.stats = lse;
  call.backward = true;
  call.deterministic = deterministic;
  if (!ours || !run(call)) return false;
  if (apart) {
    at::Tensor(dk).copy_(dk_rows);
    at::Tensor(dv).copy_(dv_rows);
  }
  return true;
}

std::size_t cudnn_attention_graphs() {
  Graphs& graphs = Graphs::instance();
  const std::lock_guard lock(graphs.mutex);
  std::size_t count = 0;
  for (const auto& [device, of_device] : graphs.devices) count += of_device.plans.size();
  return count;
}

}  // namespace baleen::kernels
