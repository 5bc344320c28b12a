#include "core/dtype.h"

#include <array>

namespace baleen::core {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  int size;
};

constexpr std::array<Row, 11> kRows{{{DType::f64, "fp64", 8},
                                     {DType::f32, "fp32", 4},
                                     {DType::bf16, "bf16", 2},
                                     {DType::f16, "fp16", 2},
                                     {DType::f8_e4m3, "fp8_e4m3", 1},
                                     {DType::f8_e5m2, "fp8_e5m2", 1},
                                     {DType::i64, "int64", 8},
                                     {DType::i32, "int32", 4},
                                     {DType::u32, "uint32", 4},
                                     {DType::u16, "uint16", 2},
                                     {DType::u8, "uint8", 1}}};

const Row& row(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)];
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const Row& r : kRows)
    if (r.name == name) return r.dtype;
  return std::nullopt;
}

int dtype_size(DType dtype) {
  return row(dtype).size;
}

}  // namespace baleen::core
