#pragma once
// cuDNN's graphs for attention. cudnn_frontend.h costs half a minute a file and stays in cudnn_graph.cpp.

#include <ATen/core/Tensor.h>
#include <cudnn.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/attention.h"

namespace baleen::kernels::cudnn {

/// Names of a graph's tensors. The borders of an operand in packed batches are kBorders + its name.
enum Name : std::int64_t { kQ = 1, kK, kV, kOut, kStats, kDout, kDq, kDk, kDv, kQueryLengths, kKeyLengths, kBorders };

/// Operands are [T, heads, head_dim] with dense heads; stats are the lse.
struct Operand {
  Name name;
  at::Tensor tensor;
};

/// One call of attention or of its backward.
struct Call {
  std::vector<Operand> operands;
  at::Tensor stats;
  const SequenceBounds& bounds;
  bool backward = false;
  bool deterministic = false;
  bool packed = false;         // sequences differ in length
  std::int64_t sequences = 0;  // of the graph
  std::int64_t length = 0;     // of the longest sequence of the graph

  const at::Tensor& q() const { return operands[0].tensor; }
  const at::Tensor& k() const { return operands[1].tensor; }
};

/// Built for one call, it serves all that have the same sizes and strides.
class Graph {
 public:
  /// Where cuDNN has no plan that does with this workspace, `refusal` says why.
  Graph(cudnnHandle_t handle, const Call& call, std::int64_t most_workspace);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  const std::string& refusal() const { return refusal_; }
  std::int64_t workspace() const { return workspace_; }  // bytes
  /// On the handle's stream. `pointers`: by Name, and by kBorders + Name. Throws Error(internal).
  void execute(cudnnHandle_t handle, std::unordered_map<std::int64_t, void*>& pointers, void* workspace) const;

 private:
  struct Frontend;
  std::unique_ptr<Frontend> frontend_;
  std::string refusal_;
  std::int64_t workspace_ = 0;
};

void check(bool good, const std::string& what);

}  // namespace baleen::kernels::cudnn
