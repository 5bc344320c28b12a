#include "parallel/fp8_values.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

namespace baleen::parallel {

void Fp8Values::keep(Parameter& first, const FusedParameters& matrix, kernels::Fp8Recipe recipe) {
  if (std::ranges::count(kept_, &first, &Kept::first) > 0) return;
  kept_.push_back({&first, matrix, recipe});
  outdate();
}

void Fp8Values::refresh() {
  if (current_) return;
  at::Tensor largest;  // of each, zeroed at once
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    const Kept& kept = kept_[i];
    const at::Tensor value = kept.matrix.value();
    const kernels::Fp8Tile tile = kernels::weight_tile(kept.recipe);
    at::Tensor abs_max;
    if (tile == kernels::Fp8Tile::tensor) {
      if (i == 0) largest = at::zeros({std::ssize(kept_)}, value.options().dtype(at::kFloat));
      abs_max = largest.narrow(0, static_cast<std::int64_t>(i), 1);
      kernels::raise_abs_max_(abs_max, value);
    }
    kept.first->fp8 = {};  // makes room
    kept.first->fp8 = kernels::quantize_fp8(value, kernels::Fp8Format::e4m3, tile, kernels::Fp8Parts::both, abs_max);
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
