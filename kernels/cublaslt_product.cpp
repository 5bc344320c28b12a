// Matrix products by cuBLASLt. It speaks column-major: out (row-major m x n) is its n x m, and outᵀ = bᵀ aᵀ.

#include <algorithm>

#include "core/error.h"
#include "kernels/cublaslt_plans.h"
#include "kernels/device.h"
#include "kernels/matrix_product.h"

namespace baleen::kernels {
namespace {

cudaDataType_t cuda_type(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat8_e4m3fn) return CUDA_R_8F_E4M3;
  if (tensor.scalar_type() == at::kFloat8_e5m2) return CUDA_R_8F_E5M2;
  switch (dtype_of(tensor)) {
    case core::DType::f64:
      return CUDA_R_64F;
    case core::DType::bf16:
      return CUDA_R_16BF;
    case core::DType::f16:
      return CUDA_R_16F;
    default:
      return CUDA_R_32F;
  }
}

cublasLtMatmulMatrixScale_t scale_mode(Fp8Tile tile) {
  switch (tile) {
    case Fp8Tile::vector:
      return CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F;
    case Fp8Tile::block:
      return CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F;
    default:
      return CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F;
  }
}

/// A matrix as cuBLASLt sees it: the memory of t's transpose, column-major, or of t itself and then op T.
struct Operand {
  at::Tensor tensor;
  cublasOperation_t op;
  std::int64_t rows, columns, stride;

  const void* address() const { return tensor.const_data_ptr(); }
};

Operand operand(const at::Tensor& t) {
  const std::int64_t rows = t.size(0), columns = t.size(1);
  if ((t.stride(1) == 1 || columns == 1) && (t.stride(0) >= columns || rows == 1)) {
    return {t, CUBLAS_OP_N, columns, rows, std::max(t.stride(0), columns)};
  }
  if ((t.stride(0) == 1 || rows == 1) && t.stride(1) >= rows) return {t, CUBLAS_OP_T, rows, columns, t.stride(1)};
  return operand(t.contiguous());
}

/// first and second: bᵀ and aᵀ, whose product is outᵀ.
ProductProblem problem_of(const CudaProduct& p, const Operand& first, const Operand& second, const Operand& addend,
                          const Operand& out, bool add_bias) {
  ProductProblem problem{.first_type = cuda_type(p.b),
                         .second_type = cuda_type(p.a),
                         .out_type = cuda_type(p.out),
                         .first_op = first.op,
                         .first_rows = first.rows,
                         .first_columns = first.columns,
                         .first_stride = first.stride,
                         .second_op = second.op,
                         .second_rows = second.rows,
                         .second_columns = second.columns,
                         .second_stride = second.stride,
                         .addend_stride = addend.stride,
                         .out_stride = out.stride,
                         .bias = add_bias ? 1 : 0,
                         .accumulate = p.beta == 0                         ? 0
                                       : addend.address() == out.address() ? 2
                                                                           : 1,
                         .first_scale = scale_mode(p.scales.b_tile),
                         .second_scale = scale_mode(p.scales.a_tile),
                         .fast = p.scales.fast ? 1 : 0,
                         .first_alignment = product_alignment(first.address()),
                         .second_alignment = product_alignment(second.address()),
                         .addend_alignment = product_alignment(addend.address()),
                         .out_alignment = product_alignment(out.address())};
  if (add_bias) problem.out_alignment = std::min(problem.out_alignment, product_alignment(p.bias.const_data_ptr()));
  return problem;
}

}  // namespace

void cuda_product(const CudaProduct& p) {
  const bool fp8 = p.scales.a.defined() && p.scales.b.defined();
  core::require((fp8 || p.a.scalar_type() == p.b.scalar_type()) && p.out.dim() == 2 && p.out.stride(1) == 1,
                "cuda_product: a and b of one dtype, or FP8 with scales, out with dense rows");
  core::require(p.beta == 0 || p.beta == 1, "cuda_product: beta is 0 or 1");
  if (p.out.numel() == 0) return;
  const CudaScope scope(p.out);
  const Operand first = operand(p.b), second = operand(p.a), out = operand(p.out);
  const Operand addend = p.beta != 0 ? operand(p.c) : out;
  core::require(out.op == CUBLAS_OP_N && addend.op == CUBLAS_OP_N, "cuda_product: c and out are row-major");
  const bool add_bias = p.bias.defined() && p.a.scalar_type() != at::kDouble;  // cuBLASLt adds no bias in FP64
  const auto address = [](const at::Tensor& t) { return t.defined() ? t.const_data_ptr() : nullptr; };

  const ProductProblem problem = problem_of(p, first, second, addend, out, add_bias);
  Matmul call(problem, {.bias = add_bias ? address(p.bias) : nullptr,
                        .first_scales = address(p.scales.b),
                        .second_scales = address(p.scales.a)});
  const ReadyProduct ready = ready_product(call, problem, p.out.device(), scope.stream());
  call.run(ready.handle, ready.algorithm,
           {.first = first.address(),
            .second = second.address(),
            .addend = addend.address(),
            .out = p.out.mutable_data_ptr(),
            .workspace = ready.workspace},
           static_cast<cudaStream_t>(scope.stream()));
  if (p.bias.defined() && !add_bias) at::Tensor(p.out).add_(p.bias);
}

}  // namespace baleen::kernels
