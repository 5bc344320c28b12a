#include "parallel/fp8_values.h"

#include <algorithm>

namespace baleen::parallel {

void Fp8Values::keep(Parameter& first, const FusedParameters& matrix, kernels::Fp8Recipe recipe) {
  if (std::ranges::count(kept_, &first, &Kept::first) > 0) return;
  kept_.push_back({&first, matrix, recipe});
  outdate();
}

void Fp8Values::refresh() {
  if (current_) return;
  for (const Kept& kept : kept_) {
    kept.first->fp8 = {};  // makes room
    kept.first->fp8 =
        kernels::quantize_fp8(kept.matrix.value(), kernels::Fp8Format::e4m3, kernels::weight_tile(kept.recipe));
  }
  current_ = true;
}

void Fp8Values::drop() {
  for (const Kept& kept : kept_) kept.first->fp8 = {};
  outdate();
}

std::int64_t Fp8Values::bytes() const {
  std::int64_t bytes = 0;
  for (const Kept& kept : kept_) bytes += 2 * kept.matrix.elements();  // and its transpose
  return bytes;
}

}  // namespace baleen::parallel
