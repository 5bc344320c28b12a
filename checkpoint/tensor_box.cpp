#include "checkpoint/tensor_box.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/error.h"

namespace baleen::checkpoint {
namespace {

using Shape = std::span<const std::int64_t>;

std::int64_t product(Shape lengths) {
  std::int64_t elements = 1;
  for (const std::int64_t length : lengths) elements *= length;
  return elements;
}

/// Appends the boxes of flat elements [begin, end) of a dense tensor. `prefix` fixes the dims before `dim` to one index
/// each; begin and end count from there.
void append_boxes(const std::vector<std::int64_t>& shape, std::size_t dim, const std::vector<std::int64_t>& prefix,
                  std::int64_t begin, std::int64_t end, std::vector<Box>& out) {
  if (begin >= end) return;
  const std::int64_t row = product(Shape(shape).subspan(dim + 1));
  const std::int64_t first = begin / row;
  const auto within_row = [&](std::int64_t index, std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> inner = prefix;
    inner.push_back(index);
    append_boxes(shape, dim + 1, inner, from, to, out);
  };
  if (begin % row != 0) {  // the tail of a row, or a part of its middle
    const std::int64_t stop = std::min(end, (first + 1) * row);
    within_row(first, begin - first * row, stop - first * row);
    append_boxes(shape, dim, prefix, stop, end, out);
    return;
  }
  const std::int64_t last = end / row;
  if (last > first) {  // whole rows
    Box box;
    box.offsets = prefix;
    box.lengths.assign(prefix.size(), 1);
    box.offsets.push_back(first);
    box.lengths.push_back(last - first);
    for (std::size_t d = dim + 1; d < shape.size(); ++d) {
      box.offsets.push_back(0);
      box.lengths.push_back(shape[d]);
    }
    out.push_back(std::move(box));
  }
  if (end % row != 0) within_row(last, 0, end - last * row);  // the head of a row
}

}  // namespace

std::int64_t Box::elements() const {
  return product(lengths);
}

Box whole(const std::vector<std::int64_t>& shape) {
  return {std::vector<std::int64_t>(shape.size(), 0), shape};
}

Box intersection(const Box& a, const Box& b) {
  core::require(a.offsets.size() == b.offsets.size(), "boxes of one tensor have the same number of dims");
  Box shared;
  for (std::size_t d = 0; d < a.offsets.size(); ++d) {
    const std::int64_t begin = std::max(a.offsets[d], b.offsets[d]);
    const std::int64_t end = std::min(a.offsets[d] + a.lengths[d], b.offsets[d] + b.lengths[d]);
    shared.offsets.push_back(begin);
    shared.lengths.push_back(std::max<std::int64_t>(0, end - begin));
  }
  return shared;
}

bool contains(const std::vector<std::int64_t>& shape, const Box& box) {
  if (box.offsets.size() != shape.size() || box.lengths.size() != shape.size()) return false;
  for (std::size_t d = 0; d < shape.size(); ++d)
    if (box.offsets[d] < 0 || box.lengths[d] < 0 || box.lengths[d] > shape[d] - box.offsets[d]) return false;
  return true;
}

std::string str(const Box& box) {
  std::string text;
  for (std::size_t d = 0; d < box.offsets.size(); ++d)
    text += fmt::format("{}{}:{}", d == 0 ? "" : ", ", box.offsets[d], box.offsets[d] + box.lengths[d]);
  return "[" + text + "]";
}

TensorBox PlacedBox::tensor_box(const std::string& kind, core::DType dtype) const {
  return {parameter->name, kind, dtype, parameter->shape, box};
}

std::vector<PlacedBox> boxes_of_range(const parallel::UnitSpec& spec, const parallel::UnitLayout& layout,
                                      std::int64_t begin, std::int64_t end) {
  core::require(0 <= begin && begin <= end && end <= layout.elements, "the range lies inside the unit's buffer");
  std::vector<PlacedBox> placed;
  for (std::size_t p = 0; p < spec.parameters.size(); ++p) {
    const parallel::ParameterSpec& parameter = spec.parameters[p];
    const parallel::ParameterLayout& at = layout.parameters[p];
    // Padding rows end the local tensor: they lie behind the true rows of the last tensor ranks.
    const std::int64_t true_rows = std::clamp<std::int64_t>(parameter.shape[0] - at.first_row, 0, at.local_shape[0]);
    const std::int64_t elements = true_rows * product(Shape(at.local_shape).subspan(1));
    std::int64_t flat = std::max(begin, at.offset);
    std::vector<Box> boxes;
    append_boxes(at.local_shape, 0, {}, flat - at.offset, std::min(end - at.offset, elements), boxes);
    for (Box& box : boxes) {
      const std::int64_t size = box.elements();
      box.offsets[0] += at.first_row;
      if (box.offsets.size() > 1) box.offsets[1] += at.first_column;
      placed.push_back({&parameter, std::move(box), flat - begin});
      flat += size;
    }
  }
  return placed;
}

FlatRange part_of_range(FlatRange range, int index, int count) {
  core::require(0 <= index && index < count, "a part of a range is one of count");
  const std::int64_t blocks = (range.end - range.begin + parallel::kAlignment - 1) / parallel::kAlignment;
  const auto cut = [&](std::int64_t part) {
    return std::min(range.end, range.begin + blocks * part / count * parallel::kAlignment);
  };
  return {cut(index), cut(index + 1)};
}

}  // namespace baleen::checkpoint
