#include "planner/unit_tensors.h"
#include "planner/units.h"

namespace baleen::planner {
namespace {

using models::Recompute;

double count(std::int64_t n) {
  return static_cast<double>(n);
}

/// The operations of a layer's products, forward or one of the backwards, by precision.
Work products(const ComputeShape& s) {
  Work work;
  const auto add = [&](bool in_fp8, std::int64_t out, std::int64_t in) {
    (in_fp8 ? work.fp8_flops : work.gemm_flops) += 2.0 * count(s.tokens) * count(out) * count(in);
  };
  add(s.fp8.qkv, s.qkv(), s.dim);
  add(s.fp8.out, s.dim, s.q());
  add(s.fp8.gate_up, 2 * s.ffn, s.dim);
  add(s.fp8.down, s.dim, s.ffn);
  return work;
}

/// Quantizes so many features of all tokens both ways.
double quantized_bytes(const ComputeShape& s, std::int64_t features) {
  return count(s.tokens) * count(features) * (count(s.size) + 2.0);
}

/// What the inputs of a layer's products take more in FP8, wherever they are made.
double input_quantization_bytes(const ComputeShape& s) {
  const Tensors t(s);
  double bytes = 0;
  const auto quantize = [&](bool in_fp8, std::int64_t features) {
    if (in_fp8) bytes += quantized_bytes(s, features);
  };
  quantize(s.fp8.qkv, s.dim);
  quantize(s.fp8.out, s.q());
  quantize(s.fp8.gate_up, s.dim);
  quantize(s.fp8.down, s.ffn);
  if (s.fp8.out && !s.fp8_block) bytes += count(t.q);  // for its abs-max
  // A norm before a product reads its input twice and does not write what is quantized.
  if (!s.splits_tokens) bytes -= count(t.x) * (int{s.fp8.qkv} + int{s.fp8.gate_up});
  return bytes;
}

UnitWork layer_work(const ComputeShape& s) {
  const Tensors t(s);
  const double tokens = count(s.tokens);
  const double rotated = 2.0 * count(t.q + t.qkv) / 2.0;  // q and k, about
  const double residual = communicates(s.tensor) || s.dropout ? 3.0 * count(t.x) : count(t.x);
  UnitWork work;
  work.forward = work.backward_input = work.backward_weight = products(s);
  work.forward.attention_forward_flops = 2.0 * tokens * count(s.sequence) * count(s.q());
  work.forward.moved_bytes = 4.0 * count(t.x) + rotated + 3.0 * count(t.ffn) + 2.0 * residual;
  work.forward.kernels = 9;
  work.backward_input.attention_backward_flops = 2.5 * work.forward.attention_forward_flops;
  work.backward_input.moved_bytes = 8.0 * count(t.x) + rotated + 5.0 * count(t.ffn);
  work.backward_input.kernels = 14;
  work.backward_weight.kernels = 6;
  if (s.qk_norm) {
    work.forward.moved_bytes += 6.0 * count(t.qkv);
    work.backward_input.moved_bytes += 8.0 * count(t.qkv);
  }
  work.forward.moved_bytes += input_quantization_bytes(s);
  const auto quantize_gradient = [&](bool in_fp8, std::int64_t features) {
    if (in_fp8) work.backward_input.moved_bytes += quantized_bytes(s, features);
  };
  quantize_gradient(s.fp8.qkv, s.qkv());
  quantize_gradient(s.fp8.out, s.dim);
  quantize_gradient(s.fp8.gate_up, 2 * s.ffn);
  quantize_gradient(s.fp8.down, s.dim);
  if (s.recompute == Recompute::block) work.backward_input += work.forward;
  if (s.recompute == Recompute::elementwise || s.recompute == Recompute::mlp) {
    work.backward_input.moved_bytes += 4.0 * count(t.x) + 3.0 * count(t.ffn) + input_quantization_bytes(s);
    work.backward_input.kernels += 3;
  }
  if (s.recompute == Recompute::mlp) {
    (s.fp8.gate_up ? work.backward_input.fp8_flops : work.backward_input.gemm_flops) +=
        4.0 * tokens * count(s.dim) * count(s.ffn);
    work.backward_input.kernels += 1;
  }
  return work;
}

UnitWork head_work(const ComputeShape& s) {
  const Tensors t(s);
  UnitWork work;  // forward and backward in one
  work.forward.gemm_flops = 6.0 * count(s.tokens) * count(s.dim) * count(s.vocabulary);
  work.forward.moved_bytes = 3.0 * count(s.tokens) * count(s.vocabulary) * count(s.size) + 2.0 * count(t.all_x);
  work.forward.kernels = static_cast<int>(12 * ((s.tokens + s.chunk_tokens() - 1) / s.chunk_tokens()));
  return work;
}

}  // namespace

Work& Work::operator+=(const Work& other) {
  gemm_flops += other.gemm_flops;
  fp8_flops += other.fp8_flops;
  attention_forward_flops += other.attention_forward_flops;
  attention_backward_flops += other.attention_backward_flops;
  moved_bytes += other.moved_bytes;
  kernels += other.kernels;
  return *this;
}

UnitWork unit_work(UnitKind kind, const ComputeShape& shape) {
  const Tensors t(shape);
  UnitWork work;
  switch (kind) {
    case UnitKind::embedding:
      work.forward = {.moved_bytes = 2.0 * count(t.all_x), .kernels = 1};
      // The whole gradient of the table is written.
      work.backward_weight = {.moved_bytes = count(t.all_x) + count(shape.vocabulary * shape.dim * shape.wide),
                              .kernels = 3};
      return work;
    case UnitKind::layer:
      return layer_work(shape);
    case UnitKind::norm:
      work.forward = {.moved_bytes = 2.0 * count(t.x), .kernels = 1};
      work.backward_input = {.moved_bytes = 3.0 * count(t.x), .kernels = 2};
      work.backward_weight = {.moved_bytes = 0, .kernels = 1};
      return work;
    case UnitKind::head:
      return head_work(shape);
  }
  return work;
}

}  // namespace baleen::planner
