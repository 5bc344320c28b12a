#pragma once
// Names and sizes of the element types that tensors, datasets and checkpoints use. No LibTorch.

#include <cstdint>
#include <optional>
#include <string_view>

namespace baleen::core {

enum class DType : std::uint8_t { f64, f32, bf16, f16, f8_e4m3, f8_e5m2, i64, i32, u32, u16, u8 };

/// The name in configurations, manifests and messages: "fp64", "fp32", "bf16", "fp16", "fp8_e4m3", "int64", ...
std::string_view dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
/// Bytes of one element.
int dtype_size(DType dtype);

}  // namespace baleen::core
