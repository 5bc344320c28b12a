// Matrix products by cuBLASLt. It speaks column-major: out (row-major m x n) is its n x m, and outᵀ = bᵀ aᵀ.

#include <ATen/ops/empty.h>
#include <cublasLt.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "core/error.h"
#include "kernels/device.h"
#include "kernels/matrix_product.h"

namespace baleen::kernels {
namespace {

constexpr std::int64_t kWorkspaceBytes = std::int64_t{32} << 20;

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const bool memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  throw core::Error(memory ? core::ExitCode::out_of_memory : core::ExitCode::internal,
                    std::string(what) + " failed: " + cublasLtGetStatusString(status),
                    memory ? "use a smaller micro-batch" : "run again with CUBLASLT_LOG_LEVEL=2 and report the output");
}

cudaDataType_t cuda_type(const at::Tensor& tensor) {
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

/// A matrix as cuBLASLt sees it: the memory of t's transpose, column-major, or of t itself and then op T.
struct Operand {
  at::Tensor tensor;
  cublasOperation_t op;
  std::int64_t rows, columns, stride;
};

Operand operand(const at::Tensor& t) {
  const std::int64_t rows = t.size(0), columns = t.size(1);
  if ((t.stride(1) == 1 || columns == 1) && (t.stride(0) >= columns || rows == 1)) {
    return {t, CUBLAS_OP_N, columns, rows, std::max(t.stride(0), columns)};
  }
  if ((t.stride(0) == 1 || rows == 1) && t.stride(1) >= rows) return {t, CUBLAS_OP_T, rows, columns, t.stride(1)};
  return operand(t.contiguous());
}

/// Bytes to which an address is surely aligned, as far as cuBLASLt cares.
std::uint32_t alignment(const void* address) {
  constexpr std::uintptr_t kMost = 256;
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(address) | kMost;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

/// Everything that a choice of algorithm depends on.
using PlanKey = std::array<std::int64_t, 16>;

/// One device's handle, and the algorithms chosen on it so far.
struct DevicePlans {
  cublasLtHandle_t handle = nullptr;
  std::map<PlanKey, cublasLtMatmulAlgo_t> algorithms;
  std::map<void*, at::Tensor> workspaces;  // one a stream: products on two streams must not share it
};

/// Never destroyed: at exit the CUDA driver may be gone before us.
struct Plans {
  std::mutex mutex;
  std::map<int, DevicePlans> devices;

  static Plans& instance() {
    static auto& plans = *new Plans;
    return plans;
  }
};

/// One call, described to cuBLASLt. All parts live on the stack.
struct Matmul {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, c;  // out has c's layout, or c is out
  PlanKey key;
  std::array<std::uint32_t, 4> alignments;  // a, b, c, out

  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof(value)),
          "cublasLtMatmulDescSetAttribute");
  }
};

void describe(cublasLtMatrixLayoutOpaque_t& layout, cudaDataType_t type, const Operand& m) {
  check(cublasLtMatrixLayoutInit(&layout, type, static_cast<std::uint64_t>(m.rows),
                                 static_cast<std::uint64_t>(m.columns), m.stride),
        "cublasLtMatrixLayoutInit");
}

/// first and second: bᵀ and aᵀ, whose product is outᵀ.
Matmul describe(const CudaProduct& p, const Operand& first, const Operand& second, const Operand& c, bool add_bias) {
  Matmul call{};
  const cudaDataType_t in = cuda_type(p.a), out = cuda_type(p.out);
  const bool fp64 = in == CUDA_R_64F;
  check(cublasLtMatmulDescInit(&call.operation, fp64 ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                               fp64 ? CUDA_R_64F : CUDA_R_32F),
        "cublasLtMatmulDescInit");
  call.set(CUBLASLT_MATMUL_DESC_TRANSA, first.op);
  call.set(CUBLASLT_MATMUL_DESC_TRANSB, second.op);
  const void* bias = add_bias ? p.bias.const_data_ptr() : nullptr;
  if (add_bias) {
    call.set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    call.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  describe(call.a, in, first);
  describe(call.b, in, second);
  describe(call.c, out, c);
  call.alignments = {alignment(first.tensor.const_data_ptr()), alignment(second.tensor.const_data_ptr()),
                     alignment(c.tensor.const_data_ptr()), alignment(p.out.const_data_ptr())};
  if (add_bias) call.alignments[3] = std::min(call.alignments[3], alignment(bias));
  call.key = {
      in,           out,           first.op, second.op, first.rows,  first.columns,   second.rows, second.columns,
      first.stride, second.stride, c.stride, add_bias,  p.beta != 0, p.out.stride(0), 0,           0};
  call.key[14] = call.alignments[0] | std::int64_t{call.alignments[1]} << 32;
  call.key[15] = call.alignments[2] | std::int64_t{call.alignments[3]} << 32;
  return call;
}

cublasLtMatmulAlgo_t choose(cublasLtHandle_t handle, Matmul& call, cublasLtMatrixLayoutOpaque_t& out) {
  cublasLtMatmulPreferenceOpaque_t preference;
  check(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
  const auto prefer = [&preference](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    check(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value)),
          "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(kWorkspaceBytes));
  // Parts of a sum that several blocks make are added in FP32, never in BF16.
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, call.alignments[0]);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, call.alignments[1]);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, call.alignments[2]);
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, call.alignments[3]);
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(handle, &call.operation, &call.a, &call.b, &call.c, &out, &preference, 1,
                                       &result, &found),
        "cublasLtMatmulAlgoGetHeuristic");
  core::require(found == 1, "cuBLASLt knows an algorithm for every product");
  return result.algo;
}

struct Prepared {
  cublasLtHandle_t handle;
  cublasLtMatmulAlgo_t algorithm;
  at::Tensor workspace;
};

Prepared prepare(Matmul& call, cublasLtMatrixLayoutOpaque_t& out_layout, const at::Tensor& out, void* stream) {
  Plans& plans = Plans::instance();
  const std::lock_guard lock(plans.mutex);
  DevicePlans& device = plans.devices[out.device().index()];
  if (device.handle == nullptr) check(cublasLtCreate(&device.handle), "cublasLtCreate");
  auto plan = device.algorithms.find(call.key);
  if (plan == device.algorithms.end()) {
    plan = device.algorithms.emplace(call.key, choose(device.handle, call, out_layout)).first;
  }
  at::Tensor& workspace = device.workspaces[stream];
  if (!workspace.defined()) workspace = at::empty({kWorkspaceBytes}, out.options().dtype(at::kByte));
  return {device.handle, plan->second, workspace};
}

}  // namespace

void cuda_product(const CudaProduct& p) {
  core::require(p.a.scalar_type() == p.b.scalar_type() && p.out.dim() == 2 && p.out.stride(1) == 1,
                "cuda_product: a and b of one dtype, out with dense rows");
  if (p.out.numel() == 0) return;
  const CudaScope scope(p.out);
  const Operand first = operand(p.b), second = operand(p.a), out = operand(p.out);
  const bool fp64 = p.a.scalar_type() == at::kDouble;
  const bool add_bias = p.bias.defined() && !fp64;  // cuBLASLt adds no bias in FP64
  const at::Tensor addend = p.beta != 0 ? p.c : p.out;
  const Operand c = operand(addend);
  core::require(out.op == CUBLAS_OP_N && c.op == CUBLAS_OP_N, "cuda_product: c and out are row-major");
  Matmul call = describe(p, first, second, c, add_bias);
  cublasLtMatrixLayoutOpaque_t out_layout;
  describe(out_layout, cuda_type(p.out), out);
  const Prepared prepared = prepare(call, out_layout, p.out, scope.stream());

  const float alpha32 = 1, beta32 = static_cast<float>(p.beta);
  const double alpha64 = 1, beta64 = p.beta;
  check(
      cublasLtMatmul(prepared.handle, &call.operation, fp64 ? static_cast<const void*>(&alpha64) : &alpha32,
                     first.tensor.const_data_ptr(), &call.a, second.tensor.const_data_ptr(), &call.b,
                     fp64 ? static_cast<const void*>(&beta64) : &beta32, c.tensor.const_data_ptr(), &call.c,
                     p.out.mutable_data_ptr(), &out_layout, &prepared.algorithm, prepared.workspace.mutable_data_ptr(),
                     static_cast<std::size_t>(kWorkspaceBytes), static_cast<cudaStream_t>(scope.stream())),
      "cublasLtMatmul");
  if (p.bias.defined() && !add_bias) at::Tensor(p.out).add_(p.bias);
}

}  // namespace baleen::kernels
