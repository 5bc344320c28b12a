#pragma once
// What the communicators of host tensors share: checks of arguments, and the reduction that every one of them uses.

#include <ATen/core/Tensor.h>

#include <span>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// Throws Error(internal) unless the tensor is contiguous and on a device of this type.
void check_tensor(const at::Tensor& tensor, at::DeviceType device);
/// The same for both, and that input's elements times `growth` are output's (growth: the ranks of an all-gather).
void check_tensors(const at::Tensor& output, const at::Tensor& input, std::int64_t growth, at::DeviceType device);

/// outputs[k][i] = parts[0][i] op parts[1][i] op ..., in this order, for i < count. Types smaller than FP32 are added
/// in FP32 and rounded once; a NaN wins every max and min. An output may be one of the parts. Throws Error(internal)
/// for types that have no sum (bool, complex).
void reduce_in_order(std::span<const void* const> parts, std::span<void* const> outputs, std::int64_t count,
                     at::ScalarType type, ReduceOp op);

/// Address of element `first` of a contiguous tensor.
std::byte* element(const at::Tensor& tensor, std::int64_t first);

}  // namespace baleen::parallel
