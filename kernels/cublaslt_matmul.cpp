#include "kernels/cublaslt_matmul.h"

#include <string>

#include "core/error.h"

namespace baleen::kernels {
namespace {

cublasLtMatrixLayoutOpaque_t layout(std::int64_t type, std::int64_t rows, std::int64_t columns, std::int64_t stride) {
  cublasLtMatrixLayoutOpaque_t made;
  check_cublas(cublasLtMatrixLayoutInit(&made, static_cast<cudaDataType_t>(type), static_cast<std::uint64_t>(rows),
                                        static_cast<std::uint64_t>(columns), stride),
               "cublasLtMatrixLayoutInit");
  return made;
}

bool is_fp64(const ProductProblem& problem) {
  return problem.first_type == CUDA_R_64F;
}

}  // namespace

bool is_fp8(const ProductProblem& problem) {
  return problem.first_type == CUDA_R_8F_E4M3 || problem.first_type == CUDA_R_8F_E5M2;
}

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const bool memory = status == CUBLAS_STATUS_ALLOC_FAILED;
  throw core::Error(memory ? core::ExitCode::out_of_memory : core::ExitCode::internal,
                    std::string(what) + " failed: " + cublasLtGetStatusString(status),
                    memory ? "use a smaller micro-batch" : "run again with CUBLASLT_LOG_LEVEL=2 and report the output");
}

std::int64_t product_alignment(const void* address) {
  constexpr std::uintptr_t kMost = 256;
  const std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(address) | kMost;
  return static_cast<std::int64_t>(bits & (~bits + 1));
}

template <typename T>
void Matmul::set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check_cublas(cublasLtMatmulDescSetAttribute(&operation_, attribute, &value, sizeof(value)),
               "cublasLtMatmulDescSetAttribute");
}

Matmul::Matmul(const ProductProblem& p, const ProductFactors& factors)
    : problem_(p),
      operation_(),
      first_(layout(p.first_type, p.first_rows, p.first_columns, p.first_stride)),
      second_(layout(p.second_type, p.second_rows, p.second_columns, p.second_stride)),
      addend_(layout(p.out_type, p.out_rows(), p.out_columns(), p.addend_stride)),
      out_(layout(p.out_type, p.out_rows(), p.out_columns(), p.out_stride)) {
  check_cublas(cublasLtMatmulDescInit(&operation_, is_fp64(p) ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F,
                                      is_fp64(p) ? CUDA_R_64F : CUDA_R_32F),
               "cublasLtMatmulDescInit");
  set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<cublasOperation_t>(p.first_op));
  set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<cublasOperation_t>(p.second_op));
  if (p.bias != 0) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, factors.bias);
  }
  if (is_fp8(p)) {
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, static_cast<cublasLtMatmulMatrixScale_t>(p.first_scale));
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, static_cast<cublasLtMatmulMatrixScale_t>(p.second_scale));
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, factors.first_scales);
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, factors.second_scales);
    set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, static_cast<std::int8_t>(p.fast));
  }
}

std::vector<cublasLtMatmulAlgo_t> Matmul::guesses(cublasLtHandle_t handle, int most) {
  cublasLtMatmulPreferenceOpaque_t preference;
  check_cublas(cublasLtMatmulPreferenceInit(&preference), "cublasLtMatmulPreferenceInit");
  const auto prefer = [&preference](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    check_cublas(cublasLtMatmulPreferenceSetAttribute(&preference, attribute, &value, sizeof(value)),
                 "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kProductWorkspace});
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
         static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(problem_.first_alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(problem_.second_alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(problem_.addend_alignment));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(problem_.out_alignment));
  std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<std::size_t>(most));
  int found = 0;
  check_cublas(cublasLtMatmulAlgoGetHeuristic(handle, &operation_, &first_, &second_, &addend_, &out_, &preference,
                                              most, results.data(), &found),
               "cublasLtMatmulAlgoGetHeuristic");
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  for (int i = 0; i < found; ++i)
    if (results[static_cast<std::size_t>(i)].state == CUBLAS_STATUS_SUCCESS)
      algorithms.push_back(results[static_cast<std::size_t>(i)].algo);
  core::require(!algorithms.empty(), "cuBLASLt knows an algorithm for every product");
  return algorithms;
}

bool Matmul::accepts(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm) {
  cublasLtMatmulHeuristicResult_t result{};
  return cublasLtMatmulAlgoCheck(handle, &operation_, &first_, &second_, &addend_, &out_, &algorithm, &result) ==
             CUBLAS_STATUS_SUCCESS &&
         result.state == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= kProductWorkspace;
}

void Matmul::run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm, const ProductPointers& p,
                 cudaStream_t stream) {
  const double alpha64 = 1, beta64 = problem_.accumulate != 0 ? 1 : 0;
  const float alpha32 = 1, beta32 = problem_.accumulate != 0 ? 1 : 0;
  const bool fp64 = is_fp64(problem_);
  const void *alpha = &alpha32, *beta = &beta32;
  if (fp64) alpha = &alpha64, beta = &beta64;
  check_cublas(cublasLtMatmul(handle, &operation_, alpha, p.first, &first_, p.second, &second_, beta, p.addend,
                              &addend_, p.out, &out_, &algorithm, p.workspace, kProductWorkspace, stream),
               "cublasLtMatmul");
}

}  // namespace baleen::kernels
