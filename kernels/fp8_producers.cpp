#include "kernels/fp8_producers.h"

#include <ATen/ops/empty.h>

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/fp8_matrix.h"
#include "kernels/fp8_producers_launch.h"
#include "kernels/rms_norm_launch.h"
#include "kernels/swiglu.h"

namespace baleen::kernels {
namespace {

constexpr Fp8Format kFormat = Fp8Format::e4m3;

Fp8Matrix quantize(const at::Tensor& made, const Fp8Form& form) {
  return quantize_fp8(made, kFormat, form.tile, form.parts, form.abs_max);
}

void check(const Fp8Form& form) {
  core::require(form.tile == Fp8Tile::vector || (form.tile == Fp8Tile::tensor && form.abs_max.defined()),
                "an op makes FP8 with vector tiles, or with tensor tiles and a place for their abs-max");
}

/// What the kernels take: rows on 16 bytes, and as many as make up whole cells of threads.
bool lies_on_16(const at::Tensor& matrix) {
  return on_cuda(matrix) && matrix.dim() == 2 && has_dense_rows(matrix) && matrix.scalar_type() == at::kBFloat16 &&
         matrix.size(0) > 0 && matrix.size(0) % 16 == 0 && matrix.size(1) % 16 == 0 && matrix.stride(0) % 8 == 0 &&
         reinterpret_cast<std::uintptr_t>(matrix.const_data_ptr()) % 16 == 0;
}

Fp8Target target(const Fp8Matrix& matrix, std::int64_t columns, const at::Tensor& like, const Fp8Form& form) {
  return fp8_target(matrix, like.size(0), columns, abs_max_slot(form.abs_max, like));
}

}  // namespace

RmsNormFp8 rms_norm_fp8(const at::Tensor& x, const at::Tensor& weight, double eps, const Fp8Form& form) {
  check(form);
  if (!lies_on_16(x) || !weight.is_contiguous() || weight.scalar_type() != at::kBFloat16 ||
      reinterpret_cast<std::uintptr_t>(weight.const_data_ptr()) % 16 != 0) {
    const RmsNorm made = rms_norm(x, weight, eps, form.abs_max);
    return {quantize(made.y, form), made.rstd};
  }
  core::require(weight.numel() == x.size(1), "rms_norm_fp8: x [rows, D], weight [D]");
  const CudaScope scope(x);
  const std::int64_t rows = x.size(0), columns = x.size(1);
  const RmsNormFp8 out{empty_fp8(rows, columns, kFormat, form.tile, form.parts, x.device()),
                       at::empty({rows}, x.options().dtype(at::kFloat))};
  const RmsNormArgs of_rows{.x = x.const_data_ptr(),
                            .x_rows = row_layout(x),
                            .weight = weight.const_data_ptr(),
                            .y = nullptr,
                            .rstd = out.rstd.mutable_data_ptr(),
                            .rows = rows,
                            .dim = columns,
                            .eps = eps,
                            .abs_max = abs_max_slot(form.abs_max, x)};
  launch_rms_norm(core::DType::bf16, of_rows, scope.stream());
  const RmsNormFp8Args args{.x = x.const_data_ptr(),
                            .stride = x.stride(0),
                            .weight = weight.const_data_ptr(),
                            .rstd = out.rstd.const_data_ptr<float>(),
                            .to = target(out.y, columns, x, form)};
  launch_rms_norm_fp8(form.tile, args, scope.stream());
  return out;
}

Fp8Matrix swiglu_fp8(const at::Tensor& gate_up, const Fp8Form& form) {
  check(form);
  if (form.tile == Fp8Tile::tensor || !lies_on_16(gate_up) || gate_up.size(1) % 32 != 0)
    return quantize(swiglu(gate_up, form.abs_max), form);
  const CudaScope scope(gate_up);
  const std::int64_t width = gate_up.size(1) / 2;
  Fp8Matrix made = empty_fp8(gate_up.size(0), width, kFormat, form.tile, form.parts, gate_up.device());
  const SwigluFp8Args args{
      .gate_up = gate_up.const_data_ptr(), .stride = gate_up.stride(0), .to = target(made, width, gate_up, form)};
  launch_swiglu_fp8(args, scope.stream());
  return made;
}

Fp8Matrix swiglu_backward_fp8(at::Tensor dy, at::Tensor gate_up, const Fp8Form& form) {
  check(form);
  if (form.tile == Fp8Tile::tensor || !lies_on_16(dy) || !lies_on_16(gate_up) || dy.size(1) % kFp8TileSide != 0) {
    const at::Tensor made = swiglu_backward(dy, gate_up, form.abs_max);
    dy.reset();
    gate_up.reset();
    return quantize(made, form);
  }
  core::require(dy.size(0) == gate_up.size(0) && dy.size(1) * 2 == gate_up.size(1),
                "swiglu_backward_fp8: dy [T, F], gate_up [T, 2F]");
  const CudaScope scope(dy);
  Fp8Matrix made = empty_fp8(dy.size(0), gate_up.size(1), kFormat, form.tile, form.parts, dy.device());
  const SwigluBackwardFp8Args args{.dy = dy.const_data_ptr(),
                                   .dy_stride = dy.stride(0),
                                   .gate_up = gate_up.const_data_ptr(),
                                   .stride = gate_up.stride(0),
                                   .to = target(made, gate_up.size(1), dy, form)};
  launch_swiglu_backward_fp8(args, scope.stream());
  return made;
}

}  // namespace baleen::kernels
