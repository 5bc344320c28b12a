#include "kernels/product_problem.h"

#include <charconv>

namespace baleen::kernels {
namespace {

constexpr std::string_view kEquals = " = ";
constexpr int kAlgorithmBase = 16;

constexpr std::array kFields{&ProductProblem::first_type,       &ProductProblem::second_type,
                             &ProductProblem::out_type,         &ProductProblem::first_op,
                             &ProductProblem::first_rows,       &ProductProblem::first_columns,
                             &ProductProblem::first_stride,     &ProductProblem::second_op,
                             &ProductProblem::second_rows,      &ProductProblem::second_columns,
                             &ProductProblem::second_stride,    &ProductProblem::addend_stride,
                             &ProductProblem::out_stride,       &ProductProblem::bias,
                             &ProductProblem::accumulate,       &ProductProblem::first_scale,
                             &ProductProblem::second_scale,     &ProductProblem::fast,
                             &ProductProblem::first_alignment,  &ProductProblem::second_alignment,
                             &ProductProblem::addend_alignment, &ProductProblem::out_alignment};
static_assert(sizeof(ProductProblem) == kFields.size() * sizeof(std::int64_t));

template <typename T>
void append(std::string& text, T value, int base) {
  std::array<char, 24> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (!text.empty() && text.back() != ' ') text += ' ';
  text.append(digits.data(), end);
}

/// Reads a number and the blank before it, if any.
template <typename T>
bool take(std::string_view& text, T& value, int base) {
  if (text.starts_with(' ')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, ProductProblem& problem) {
  for (const auto field : kFields)
    if (!take(text, problem.*field, 10)) return false;
  return true;
}

}  // namespace

std::string to_text(const ProductProblem& problem) {
  std::string text;
  for (const auto field : kFields) append(text, problem.*field, 10);
  return text;
}

std::string to_text(const ProductPlan& plan) {
  std::string text = to_text(plan.problem) + std::string(kEquals);
  for (const std::uint64_t part : plan.algorithm) append(text, part, kAlgorithmBase);
  return text;
}

std::optional<ProductProblem> read_problem(std::string_view line) {
  ProductProblem problem;
  return take(line, problem) && line.empty() ? std::optional(problem) : std::nullopt;
}

std::optional<ProductPlan> read_plan(std::string_view line) {
  ProductPlan plan{};
  if (!take(line, plan.problem) || !line.starts_with(kEquals)) return std::nullopt;
  line.remove_prefix(kEquals.size());
  for (std::uint64_t& part : plan.algorithm)
    if (!take(line, part, kAlgorithmBase)) return std::nullopt;
  return line.empty() ? std::optional(plan) : std::nullopt;
}

}  // namespace baleen::kernels
