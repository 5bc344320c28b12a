#pragma once
// What a checkpoint is made of: boxes of named global tensors, whatever rank, mesh or ZeRO stage they came from.
// A range of a unit's flat buffer becomes boxes here; nothing behind this header knows of shards.

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "parallel/unit_layout.h"

namespace baleen::checkpoint {

/// A hyper-rectangle of a tensor, in elements. Both vectors have the tensor's number of dims; a scalar has none.
struct Box {
  std::vector<std::int64_t> offsets;
  std::vector<std::int64_t> lengths;

  std::int64_t elements() const;
  bool operator==(const Box&) const = default;
};

/// The whole of a tensor.
Box whole(const std::vector<std::int64_t>& shape);
/// What two boxes of one tensor share; a length is zero where they do not meet.
Box intersection(const Box& a, const Box& b);
bool contains(const std::vector<std::int64_t>& shape, const Box& box);
/// "[3:4, 0:128]"
std::string str(const Box& box);

/// One box of one tensor. Its bytes are dense, in C order of `box.lengths`, little-endian.
struct TensorBox {
  std::string tensor;  // the parameter's name, "model.layers.0.mlp.up_proj.weight"; no '/'
  std::string kind;    // "parameter" (the master value), "exp_avg", "exp_avg_sq", "momentum", ...; no '/'
  core::DType dtype = core::DType::f32;
  std::vector<std::int64_t> shape;  // of the whole tensor, without padding
  Box box;

  std::int64_t bytes() const { return box.elements() * core::dtype_size(dtype); }
  bool operator==(const TensorBox&) const = default;
};

/// A box together with the place of its elements in a flat buffer, where they are dense too.
struct PlacedBox {
  const parallel::ParameterSpec* parameter = nullptr;  // of the spec that was given
  Box box;
  std::int64_t offset = 0;  // of the first element, counted from `begin` of the range

  TensorBox tensor_box(const std::string& kind, core::DType dtype) const;
};

/// The boxes that lie in elements [begin, end) of a unit's flat buffer, in ascending order of offset; padding rows and
/// the gaps between parameters are left out. At most three boxes for a matrix (tail of a row, whole rows, head of a
/// row), one for a vector. Ranges that tile the buffer give boxes that tile every parameter of this tensor rank.
std::vector<PlacedBox> boxes_of_range(const parallel::UnitSpec& spec, const parallel::UnitLayout& layout,
                                      std::int64_t begin, std::int64_t end);

/// Part `index` of `count` near equal parts of [begin, end), cut on multiples of parallel::kAlignment: ranks that hold
/// the same elements (ZeRO-0, replicas) save one part each.
struct FlatRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};
FlatRange part_of_range(FlatRange range, int index, int count);

}  // namespace baleen::checkpoint
