#pragma once
// Ops that leave their result in FP8 (fp8.h) for a product: E4M3, to the bit what quantize_fp8() makes of their BF16
// result. CPU: the op, then quantize_fp8(). On a GPU the BF16 values are not written where that moves fewer bytes: with
// vector tiles, whose scales a block finds itself; with tensor tiles, for which all values are made twice, of a norm.

#include "kernels/fp8.h"
#include "kernels/rms_norm.h"

namespace baleen::kernels {

/// What a product wants to read.
struct Fp8Form {
  Fp8Tile tile = Fp8Tile::tensor;  // or vector
  Fp8Parts parts = Fp8Parts::both;
  at::Tensor abs_max;  // for tensor tiles: fp32 [1], zero; raised to the largest |value|
};

struct RmsNormFp8 {
  Fp8Matrix y;
  at::Tensor rstd;
};
/// rms_norm() of x [rows, D], BF16.
RmsNormFp8 rms_norm_fp8(const at::Tensor& x, const at::Tensor& weight, double eps, const Fp8Form& form);

/// swiglu() of gate_up [T, 2F], BF16: [T, F].
Fp8Matrix swiglu_fp8(const at::Tensor& gate_up, const Fp8Form& form);
/// swiglu_backward(): [T, 2F]. What it is given is let go before BF16 values are quantized.
Fp8Matrix swiglu_backward_fp8(at::Tensor dy, at::Tensor gate_up, const Fp8Form& form);

}  // namespace baleen::kernels
