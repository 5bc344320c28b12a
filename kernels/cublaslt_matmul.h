#pragma once
// Calls of cuBLASLt, from a problem and an algorithm.

#include <cublasLt.h>

#include <vector>

#include "kernels/product_problem.h"

namespace baleen::kernels {

inline constexpr std::size_t kProductWorkspace = std::size_t{32} << 20;

void check_cublas(cublasStatus_t status, const char* what);

/// Whether operands are FP8.
bool is_fp8(const ProductProblem& problem);

/// Bytes to which an address is surely aligned, as far as cuBLASLt cares.
std::int64_t product_alignment(const void* address);

/// What the description of a problem points to, where it has them.
struct ProductFactors {
  const void* bias = nullptr;
  const void *first_scales = nullptr, *second_scales = nullptr;  // of operands in FP8
};

struct ProductPointers {
  const void *first, *second, *addend;
  void* out;
  void* workspace;  // kProductWorkspace bytes, of this stream alone
};

/// One problem, described to cuBLASLt. All parts live in the object.
class Matmul {
 public:
  explicit Matmul(const ProductProblem& problem, const ProductFactors& factors = {});

  /// The library's best guesses, best first. Sums that several blocks make are added in FP32, never in BF16.
  std::vector<cublasLtMatmulAlgo_t> guesses(cublasLtHandle_t handle, int most);
  /// Whether this library runs this algorithm here.
  bool accepts(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm);
  void run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm, const ProductPointers& pointers,
           cudaStream_t stream);

 private:
  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value);

  const ProductProblem problem_;
  cublasLtMatmulDescOpaque_t operation_;
  cublasLtMatrixLayoutOpaque_t first_, second_, addend_, out_;
};

}  // namespace baleen::kernels
