#pragma once
// What the three products of a linear layer have in common, and who computes it on each kind of device.

#include <ATen/core/Tensor.h>

#include "kernels/fp8_format.h"

namespace baleen::kernels {

/// a b (+ bias) (+ addend) on the CPU. a: [m, k], b: [k, n], transposed views welcome; bias: [n], addend: [m, n], may
/// be undefined. All of one dtype, FP32 or FP64. Returns a new [m, n].
at::Tensor cpu_product(const at::Tensor& a, const at::Tensor& b, const at::Tensor& bias, const at::Tensor& addend);

/// Of operands in FP8, as cuBLASLt wants them: a by its rows, b by its columns (fp8.h).
struct ProductScales {
  at::Tensor a, b;
  Fp8Tile a_tile = Fp8Tile::tensor, b_tile = Fp8Tile::tensor;
  bool fast = false;  // sums stay in the tensor cores, which keep fewer than FP32's bits
};

/// out = a b (+ bias) + beta c on the tensors' GPU, by cuBLASLt.
struct CudaProduct {
  const at::Tensor& a;  // [m, k], or a transposed view of [k, m]
  const at::Tensor& b;  // [k, n], or a transposed view of [n, k]; a's dtype, or FP8 like a
  at::Tensor bias;      // [n] of out's dtype; may be undefined
  at::Tensor c;         // [m, n] of out's dtype; may be out itself, or undefined where beta is 0
  double beta = 0;
  const at::Tensor& out;  // [m, n], unit stride in n; a's dtype (BF16 where that is FP8), or FP32
  ProductScales scales = {};
};
void cuda_product(const CudaProduct& product);

}  // namespace baleen::kernels
