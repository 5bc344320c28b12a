#include "bench/kernels_bench.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/stopwatch.h"
#include "core/error.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/device.h"
#include "kernels/dropout.h"
#include "kernels/embedding.h"
#include "kernels/flash_attention.h"
#include "kernels/fp8_producers.h"
#include "kernels/gemm.h"
#include "kernels/rms_norm.h"
#include "kernels/rope.h"
#include "kernels/swiglu.h"

namespace baleen::bench {
namespace {

using namespace kernels;

struct Shape {
  std::int64_t tokens, sequence, dim, heads, kv_heads, ffn, vocab;
  std::int64_t head_dim() const { return dim / heads; }
  std::int64_t qkv() const { return (heads + 2 * kv_heads) * head_dim(); }
};

const std::map<std::string, Shape> kShapes{{"demo", {1024, 128, 192, 6, 6, 512, 384}},
                                           {"160m", {65536, 1024, 768, 12, 12, 2048, 32000}},
                                           {"1b", {16384, 2048, 2048, 32, 8, 8192, 128256}},
                                           {"8b", {8192, 4096, 4096, 32, 8, 14336, 128256}}};
constexpr std::int64_t kChunkTokens = 2048;  // of the cross-entropy

class Bench {
 public:
  Bench(at::Device device, at::ScalarType type, std::string name)
      : device_(device), type_(type), name_(std::move(name)) {
    fmt::print("| {:<30} | {:>10} | {:>10} | {:>8} | {:>8} | {:>7} |\n", "op", "us", "floor us", "GB/s", "TFLOP/s",
               "ceiling");
    fmt::print("|{:-<32}|{:->11}:|{:->11}:|{:->9}:|{:->9}:|{:->8}:|\n", "", "", "", "", "", "");
  }

  at::Tensor random(at::IntArrayRef sizes) const {
    return at::randn(sizes, at::TensorOptions(device_).dtype(at::kFloat)).to(type_);
  }
  at::Tensor zeros(at::IntArrayRef sizes, at::ScalarType type) const {
    return at::empty(sizes, at::TensorOptions(device_).dtype(type)).zero_();
  }
  at::Tensor integers(std::int64_t count, std::int64_t below) const {
    return at::randint(below, {count}, at::TensorOptions(device_).dtype(at::kLong));
  }

  void measure_ceilings() {
    const bool cuda = device_.is_cuda();
    const at::Tensor from = zeros({cuda ? std::int64_t{1} << 30 : std::int64_t{1} << 26}, at::kByte);
    at::Tensor to = at::empty_like(from);
    const double seconds = seconds_of(device_, [&] { to.copy_(from); });
    bytes_per_second_ = 2 * static_cast<double>(from.numel()) / seconds;
    print("copy", seconds, bytes_per_second_ * seconds, 0);
    const at::Tensor a = random({square(), square()}), b = random({square(), square()});
    product_ceiling("square product", [&] { linear(a, b); });
  }

  /// `bytes`: what must be read and written at least once.
  void memory_bound(const std::string& op, double bytes, const std::function<void()>& run) {
    if (chosen(op)) print(op, seconds_of(device_, run), bytes, 0);
  }
  void compute_bound(const std::string& op, double flops, const std::function<void()>& run) {
    if (chosen(op)) print(op, seconds_of(device_, run), 0, flops);
  }
  /// From here on products are held against this one.
  void product_ceiling(const std::string& name, const std::function<void()>& run) {
    const double seconds = seconds_of(device_, run), flops = 2 * std::pow(static_cast<double>(square()), 3);
    flops_per_second_ = flops / seconds;
    print(name, seconds, 0, flops);
  }
  std::int64_t square() const { return device_.is_cuda() ? 8192 : 1024; }
  const std::vector<std::string>& left_out() const { return left_out_; }
  bool measured_none() const { return measured_ == 0; }

 private:
  bool chosen(const std::string& op) {
    const bool fits = op.find(name_) != std::string::npos;
    if (fits)
      ++measured_;
    else
      left_out_.push_back(op);
    return fits;
  }

  void print(const std::string& op, double seconds, double bytes, double flops) const {
    const double floor = bytes > 0 ? bytes / bytes_per_second_ : flops / flops_per_second_;
    const std::string gigabytes = bytes > 0 ? fmt::format("{:.0f}", bytes / seconds / 1e9) : "";
    const std::string teraflops = flops > 0 ? fmt::format("{:.1f}", flops / seconds / 1e12) : "";
    fmt::print("| {:<30} | {:>10.1f} | {:>10.1f} | {:>8} | {:>8} | {:>6.0f}% |\n", op, seconds * 1e6, floor * 1e6,
               gigabytes, teraflops, 100 * floor / seconds);
  }

  at::Device device_;
  at::ScalarType type_;
  std::string name_;
  std::vector<std::string> left_out_;
  int measured_ = 0;
  double bytes_per_second_ = 0, flops_per_second_ = 0;
};

void bench_products(Bench& bench, const Shape& s, at::ScalarType gradient_type) {
  const auto layer = [&](const std::string& name, std::int64_t in, std::int64_t out) {
    const at::Tensor x = bench.random({s.tokens, in}), weight = bench.random({out, in}),
                     dy = bench.random({s.tokens, out});
    const at::Tensor gradient = bench.zeros({out, in}, gradient_type);
    const double flops = 2.0 * static_cast<double>(s.tokens) * static_cast<double>(in * out);
    bench.compute_bound(name, flops, [&] { linear(x, weight); });
    bench.compute_bound(name + " dx", flops, [&] { linear_input_gradient(dy, weight); });
    bench.compute_bound(name + " dw", flops, [&] { linear_weight_gradient(dy, x, gradient, 1); });
  };
  layer("qkv", s.dim, s.qkv());
  layer("out", s.dim, s.dim);
  layer("gate_up", s.dim, 2 * s.ffn);
  layer("down", s.ffn, s.dim);
}

void bench_attention(Bench& bench, const Shape& s, at::Device device) {
  std::vector<std::int32_t> starts;
  for (std::int64_t t = 0; t <= s.tokens; t += s.sequence) starts.push_back(static_cast<std::int32_t>(t));
  const SequenceBounds bounds = make_bounds(starts, device);
  const at::Tensor qkv = bench.random({s.tokens, s.qkv()}), dqkv = at::empty_like(qkv);
  const auto part = [&](const at::Tensor& packed, std::int64_t first, std::int64_t heads) {
    return packed.narrow(1, first * s.head_dim(), heads * s.head_dim()).unflatten(1, {heads, s.head_dim()});
  };
  const at::Tensor q = part(qkv, 0, s.heads), k = part(qkv, s.heads, s.kv_heads);
  const at::Tensor v = part(qkv, s.heads + s.kv_heads, s.kv_heads),
                   dout = bench.random({s.tokens, s.heads, s.head_dim()});
  const Attention saved = attention(q, k, v, bounds);
  const at::Tensor dq = part(dqkv, 0, s.heads), dk = part(dqkv, s.heads, s.kv_heads),
                   dv = part(dqkv, s.heads + s.kv_heads, s.kv_heads);
  const double flops =
      2.0 * static_cast<double>(s.tokens * s.sequence) * static_cast<double>(s.dim);  // causal half of 4
  bench.compute_bound("attention", flops, [&] { attention(q, k, v, bounds); });
  for (const bool deterministic : {false, true})
    bench.compute_bound(deterministic ? "attention back, ordered" : "attention back", 2.5 * flops,
                        [&] { attention_backward(dout, q, k, v, saved, bounds, dq, dk, dv, deterministic); });
  if (has_cuda_flash_attention(q)) {
    const Attention flash = cuda_flash_attention(q, k, v, bounds);
    bench.compute_bound("attention by FA2", flops, [&] { cuda_flash_attention(q, k, v, bounds); });
    bench.compute_bound("attention by FA2 back", 2.5 * flops,
                        [&] { cuda_flash_attention_backward(dout, q, k, v, flash, bounds, dq, dk, dv, false); });
  }
  const at::Tensor positions = bench.integers(s.tokens, s.sequence);
  const at::Tensor angles = bench.zeros({s.sequence, s.head_dim() / 2}, at::kFloat);
  const double turned = static_cast<double>(s.tokens * (s.heads + s.kv_heads) * s.head_dim() * qkv.element_size());
  bench.memory_bound("rope", 2 * turned, [&] {
    rope_(qkv, static_cast<int>(s.heads + s.kv_heads), static_cast<int>(s.head_dim()), positions, angles, angles,
          false);
  });
  const at::Tensor largest = bench.zeros({1}, at::kFloat);
  const double rest = static_cast<double>(s.tokens * s.kv_heads * s.head_dim() * qkv.element_size());
  bench.memory_bound("rope back, abs_max", 2 * turned + rest, [&] {
    rope_(qkv, static_cast<int>(s.heads + s.kv_heads), static_cast<int>(s.head_dim()), positions, angles, angles, true,
          largest.zero_());
  });
}

void bench_memory_bound(Bench& bench, const Shape& s) {
  const at::Tensor x = bench.random({s.tokens, s.dim}), dy = bench.random({s.tokens, s.dim}),
                   residual = bench.random({s.tokens, s.dim}), weight = bench.random({s.dim});
  const at::Tensor gate_up = bench.random({s.tokens, 2 * s.ffn}), dffn = bench.random({s.tokens, s.ffn});
  const double rows = static_cast<double>(x.nbytes()), ffn = static_cast<double>(dffn.nbytes());
  const at::Tensor rstd = rms_norm(x, weight, 1e-5).rstd;
  bench.memory_bound("rms_norm", 2 * rows, [&] { rms_norm(x, weight, 1e-5); });
  bench.memory_bound("rms_norm backward", 4 * rows, [&] { rms_norm_backward(dy, x, weight, rstd, residual); });
  bench.memory_bound("swiglu", 3 * ffn, [&] { swiglu(gate_up); });
  bench.memory_bound("swiglu backward", 5 * ffn, [&] { swiglu_backward(dffn, gate_up); });
  const at::Tensor largest = bench.zeros({1}, at::kFloat);  // for FP8 (kernels/abs_max.h)
  bench.memory_bound("rms_norm, abs_max", 2 * rows, [&] { rms_norm(x, weight, 1e-5, largest.zero_()); });
  bench.memory_bound("rms_norm backward, abs_max", 4 * rows,
                     [&] { rms_norm_backward(dy, x, weight, rstd, residual, largest.zero_()); });
  bench.memory_bound("swiglu, abs_max", 3 * ffn, [&] { swiglu(gate_up, largest.zero_()); });
  bench.memory_bound("swiglu backward, abs_max", 5 * ffn, [&] { swiglu_backward(dffn, gate_up, largest.zero_()); });
  const core::RandomStream stream = core::random_stream(1, core::RandomPurpose::dropout, 1, "bench");
  bench.memory_bound("dropout + residual", 3 * rows, [&] { dropout(x, 0.1, stream, 0, dy); });
  bench.memory_bound("bias gradient", rows, [&] { bias_gradient(dy, at::kFloat); });
}

void bench_vocabulary(Bench& bench, const Shape& s) {
  const at::Tensor tokens = bench.integers(s.tokens, s.vocab), table = bench.random({s.vocab, s.dim});
  const at::Tensor dy = bench.random({s.tokens, s.dim}), gradient = bench.zeros({s.vocab, s.dim}, at::kFloat);
  const double rows = static_cast<double>(dy.nbytes());
  bench.memory_bound("embedding", 2 * rows, [&] { embedding(tokens, table, 0); });
  const auto rows_of_table = static_cast<double>(s.vocab);
  const double hit =
      rows_of_table * (1 - std::pow(1 - 1 / rows_of_table, static_cast<double>(s.tokens)));  // on average
  bench.memory_bound("embedding backward", rows + 8 * hit * static_cast<double>(s.dim),
                     [&] { embedding_backward(dy, tokens, gradient, 0, 1); });
  const std::int64_t chunk = std::min(s.tokens, kChunkTokens);
  const at::Tensor logits = bench.random({chunk, s.vocab}), targets = bench.integers(chunk, s.vocab);
  const VocabularyPart part{0, s.vocab};
  const CrossEntropyParts parts = cross_entropy_parts(logits, targets, part);
  const at::Tensor lse = parts.sum.log().add_(parts.max), scale = bench.zeros({}, at::kDouble);
  const double scores = static_cast<double>(logits.nbytes());
  bench.memory_bound("cross_entropy parts", scores, [&] { cross_entropy_parts(logits, targets, part); });
  bench.memory_bound("cross_entropy gradient", 2 * scores,
                     [&] { cross_entropy_gradient_(logits, targets, part, lse, scale, 0); });
}

/// Ops that quantize what they make: their inputs are read once, one byte is written each way.
void bench_fp8_producers(Bench& bench, const Shape& s, Fp8Tile tile, const std::string& name) {
  const at::Tensor x = bench.random({s.tokens, s.dim}), weight = bench.random({s.dim});
  const at::Tensor gate_up = bench.random({s.tokens, 2 * s.ffn}), dffn = bench.random({s.tokens, s.ffn});
  const at::Tensor largest = bench.zeros({1}, at::kFloat);
  const auto form = [&] {
    return Fp8Form{tile, Fp8Parts::both, tile == Fp8Tile::tensor ? largest.zero_() : at::Tensor()};
  };
  const double rows = static_cast<double>(x.nbytes()), ffn = static_cast<double>(dffn.nbytes());
  bench.memory_bound("rms_norm to " + name, 2 * rows, [&] { rms_norm_fp8(x, weight, 1e-5, form()); });
  bench.memory_bound("swiglu to " + name, 3 * ffn, [&] { swiglu_fp8(gate_up, form()); });
  bench.memory_bound("swiglu backward to " + name, 5 * ffn, [&] { swiglu_backward_fp8(dffn, gate_up, form()); });
}

/// Quantization, and the products of a layer without it. Their ceiling is the square product of the same recipe.
void bench_fp8(Bench& bench, const Shape& s, Fp8Recipe recipe, at::ScalarType gradient_type) {
  const std::string name = recipe == Fp8Recipe::tensor ? "fp8" : "fp8 block";
  const auto quantize = [&](const at::Tensor& x, Fp8Tile tile) { return quantize_fp8(x, Fp8Format::e4m3, tile); };
  const Fp8Tile activations = activation_tile(recipe), weights = weight_tile(recipe);
  {
    const at::Tensor a = bench.random({bench.square(), bench.square()});
    const Fp8Matrix x = quantize(a, activations), weight = quantize(a, weights);
    bench.product_ceiling("square product " + name, [&] { linear(x, weight); });
  }
  bench_fp8_producers(bench, s, activations, name);
  const auto layer = [&](const std::string& op, std::int64_t in, std::int64_t out) {
    const at::Tensor values = bench.random({s.tokens, in}), largest = abs_max(values);
    const double elements = static_cast<double>(values.numel());
    if (recipe == Fp8Recipe::tensor) bench.memory_bound("abs_max of " + op, 2 * elements, [&] { abs_max(values); });
    bench.memory_bound("quantize " + name + " of " + op, 4 * elements, [&] {
      quantize_fp8(values, Fp8Format::e4m3, activations, Fp8Parts::both,
                   recipe == Fp8Recipe::tensor ? largest : at::Tensor());
    });
    const Fp8Matrix x = quantize(values, activations), weight = quantize(bench.random({out, in}), weights),
                    dy = quantize(bench.random({s.tokens, out}), activations);
    const at::Tensor gradient = bench.zeros({out, in}, gradient_type);
    const double flops = 2.0 * static_cast<double>(s.tokens) * static_cast<double>(in * out);
    bench.compute_bound(op + " " + name, flops, [&] { linear(x, weight); });
    bench.compute_bound(op + " dx " + name, flops, [&] { linear_input_gradient(dy, weight); });
    bench.compute_bound(op + " dw " + name, flops, [&] { linear_weight_gradient(dy, x, gradient, 1); });
  };
  layer("qkv", s.dim, s.qkv());
  layer("out", s.dim, s.dim);
  layer("gate_up", s.dim, 2 * s.ffn);
  layer("down", s.ffn, s.dim);
}

}  // namespace

void bench_kernels(const KernelsBenchOptions& options) {
  const auto shape = kShapes.find(options.shape);
  if (shape == kShapes.end()) {
    std::vector<std::string> names;
    names.reserve(kShapes.size());
    for (const auto& [name, sizes] : kShapes) names.push_back(name);
    throw core::Error(core::ExitCode::usage, fmt::format("there is no shape {}", options.shape),
                      fmt::format("the shapes are {}", fmt::join(names, ", ")));
  }
  Bench bench(options.device, scalar_type(options.type), options.name);
  bench.measure_ceilings();
  bench_products(bench, shape->second, at::kFloat);
  bench_attention(bench, shape->second, options.device);
  bench_memory_bound(bench, shape->second);
  bench_vocabulary(bench, shape->second);
  for (const Fp8Recipe recipe : {Fp8Recipe::tensor, Fp8Recipe::block})
    if (options.type == core::DType::bf16 && has_fp8(options.device, recipe))
      bench_fp8(bench, shape->second, recipe, at::kFloat);
  if (bench.measured_none())
    throw core::Error(core::ExitCode::usage, fmt::format("no op has {} in its name", options.name),
                      fmt::format("the ops are {}", fmt::join(bench.left_out(), ", ")));
}

}  // namespace baleen::bench
