#pragma once
// What the modules of models/ keep and compute for one micro-batch on one tensor rank, counted from their code. A test
// compares what is kept with what a real stage keeps.

#include "models/fp8_linears.h"
#include "models/recompute_level.h"
#include "planner/step.h"

namespace baleen::planner {

/// Lengths on one tensor rank.
struct ComputeShape {
  std::int64_t tokens = 0;        // of a micro-batch, filled up to a multiple of the tensor axis
  std::int64_t outer_tokens = 0;  // between the regions of the tensor axis (parallel/tensor_region.h)
  std::int64_t sequence = 0;
  std::int64_t dim = 0, heads = 0, kv_heads = 0, head_dim = 0, ffn = 0;
  std::int64_t vocabulary = 0;  // rows of the head, padding included
  std::int64_t size = 0;        // bytes of an element of the compute dtype
  std::int64_t wide = 0;        // of FP32, or FP64 when computing in it
  int tensor = 1;
  bool splits_tokens = false;  // sequence parallelism at work
  models::Recompute recompute = models::Recompute::none;
  bool qk_norm = false, qkv_bias = false, dropout = false;
  models::Fp8Linears fp8;
  bool fp8_block = false;  // its recipe

  std::int64_t q() const { return heads * head_dim; }
  std::int64_t qkv() const { return (heads + 2 * kv_heads) * head_dim; }
  /// Bytes of an activation between two units: what a pipeline message is.
  std::int64_t flow_bytes() const { return outer_tokens * dim * size; }
  /// Tokens whose logits live at once.
  std::int64_t chunk_tokens() const;
};

ComputeShape compute_shape(const PlannedStep& step);

/// Bytes of one micro-batch in one unit.
struct ActivationBytes {
  std::int64_t saved = 0;             // what forward pushes onto Saved
  std::int64_t operands = 0;          // what the WeightGradStore keeps from backward_input to backward_weight
  std::int64_t forward_working = 0;   // at its most, beside what is saved then
  std::int64_t backward_working = 0;  // at its most, beside what was saved
};
ActivationBytes activation_bytes(UnitKind kind, const ComputeShape& shape);

/// Work of one action of a unit: what the rates of a device divide.
struct Work {
  double gemm_flops = 0;
  double fp8_flops = 0;                                              // of products in FP8
  double attention_forward_flops = 0, attention_backward_flops = 0;  // causal
  double moved_bytes = 0;                                            // read and written by memory-bound kernels
  int kernels = 0;

  Work& operator+=(const Work& other);
};
struct UnitWork {
  Work forward, backward_input, backward_weight;
};
UnitWork unit_work(UnitKind kind, const ComputeShape& shape);

/// The collectives that one unit asks of the tensor axis for one micro-batch; nothing on one rank.
struct TensorCalls {
  int gathers = 0;  // of an activation to all tokens
  int sums = 0;     // of an activation back to the outer form
};
struct UnitTensorCalls {
  TensorCalls forward, backward_input;
};
UnitTensorCalls tensor_calls(UnitKind kind, const ComputeShape& shape);

}  // namespace baleen::planner
