#pragma once
// A matrix product as cuBLASLt sees it, column-major: everything that its choice of an algorithm depends on.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace baleen::kernels {

/// out = op(first) op(second) (+ bias) + beta addend. Types, ops and modes are CUDA's numbers, strides lie between
/// columns, alignments are those of the addresses, in bytes.
struct ProductProblem {
  std::int64_t first_type = 0, second_type = 0, out_type = 0;
  std::int64_t first_op = 0, first_rows = 0, first_columns = 0, first_stride = 0;
  std::int64_t second_op = 0, second_rows = 0, second_columns = 0, second_stride = 0;
  std::int64_t addend_stride = 0, out_stride = 0;
  std::int64_t bias = 0;                           // 1: there is one
  std::int64_t accumulate = 0;                     // 1: beta is 1; 2: and the addend is out itself
  std::int64_t first_scale = 0, second_scale = 0;  // of FP8: cuBLASLt's modes, 0 for one scale
  std::int64_t fast = 0;                           // 1: fast accumulation
  std::int64_t first_alignment = 0, second_alignment = 0, addend_alignment = 0, out_alignment = 0;

  std::int64_t out_rows() const { return first_op == 0 ? first_rows : first_columns; }
  std::int64_t out_columns() const { return second_op == 0 ? second_columns : second_rows; }
  auto operator<=>(const ProductProblem&) const = default;
};

/// cublasLtMatmulAlgo_t, which NVIDIA lets be kept for one version of the library.
using ProductAlgorithm = std::array<std::uint64_t, 8>;

struct ProductPlan {
  ProductProblem problem;
  ProductAlgorithm algorithm;
};

/// Numbers with blanks between, without a line's end; a plan has " = " and the algorithm after its problem.
std::string to_text(const ProductProblem& problem);
std::string to_text(const ProductPlan& plan);
/// Nothing where the line is no such text.
std::optional<ProductProblem> read_problem(std::string_view line);
std::optional<ProductPlan> read_plan(std::string_view line);

}  // namespace baleen::kernels
