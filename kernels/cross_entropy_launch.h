#pragma once
// Launchers of the cross-entropy's CUDA kernels. Pointers are to device memory; "wide" is fp32, or fp64 where logits
// are.

#include <cstdint>

#include "core/dtype.h"

namespace baleen::kernels {

struct CrossEntropyPartsArgs {
  const void* logits;  // [rows, >= valid]
  std::int64_t stride;
  const std::int64_t* targets;
  std::int64_t rows, valid, first;
  void* max;  // [rows] wide, as sum and picked
  void* sum;
  void* picked;
};
void launch_cross_entropy_parts(core::DType type, const CrossEntropyPartsArgs& args, void* stream);

struct CrossEntropyGradientArgs {
  void* logits;  // [rows, columns], overwritten
  std::int64_t stride;
  const std::int64_t* targets;
  std::int64_t rows, columns, valid, first;
  const void* lse;      // [rows] wide
  const double* scale;  // one value
  double z_loss;
};
void launch_cross_entropy_gradient(core::DType type, const CrossEntropyGradientArgs& args, void* stream);

}  // namespace baleen::kernels
