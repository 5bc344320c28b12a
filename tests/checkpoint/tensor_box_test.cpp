#include "checkpoint/tensor_box.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/checkpoint/toy_checkpoint.h"

namespace baleen::checkpoint {
namespace {

using Counts = std::map<std::string, std::vector<int>>;

/// Calls `visit` with the global flat index of each element of the box, in C order of the box.
void for_each_element(const std::vector<std::int64_t>& shape, const Box& box, const auto& visit) {
  for (std::int64_t i = 0; i < box.elements(); ++i) {
    std::int64_t rest = i;
    std::int64_t stride = 1;
    std::int64_t index = 0;
    for (std::size_t d = shape.size(); d-- > 0;) {
      index += (box.offsets[d] + rest % box.lengths[d]) * stride;
      rest /= box.lengths[d];
      stride *= shape[d];
    }
    visit(i, index);
  }
}

Counts zero_counts(const parallel::UnitSpec& unit) {
  Counts counts;
  for (const auto& parameter : unit.parameters)
    counts[parameter.name].assign(static_cast<std::size_t>(parameter.elements()), 0);
  return counts;
}

/// Counts the elements of the boxes of [begin, end), and checks each against the buffer's own arithmetic.
void count_range(const parallel::UnitSpec& unit, const parallel::UnitLayout& layout, std::int64_t begin,
                 std::int64_t end, Counts& counts) {
  std::map<std::string, int> boxes;
  std::int64_t last = begin;
  for (const PlacedBox& placed : boxes_of_range(unit, layout, begin, end)) {
    const parallel::ParameterSpec& spec = *placed.parameter;
    const parallel::ParameterLayout& at = layout.parameters[static_cast<std::size_t>(&spec - unit.parameters.data())];
    ASSERT_TRUE(contains(spec.shape, placed.box)) << str(placed.box);
    ASSERT_GE(begin + placed.offset, last) << "ascending";
    last = begin + placed.offset + placed.box.elements();
    ASSERT_LE(last, end);
    EXPECT_LE(++boxes[spec.name], static_cast<int>(2 * spec.shape.size() - 1));
    const std::int64_t columns = spec.shape.size() > 1 ? at.local_shape[1] : 1;
    const std::int64_t global_columns = spec.shape.size() > 1 ? spec.shape[1] : 1;
    for_each_element(spec.shape, placed.box, [&](std::int64_t i, std::int64_t index) {
      ++counts[spec.name][static_cast<std::size_t>(index)];
      if (spec.shape.size() > 2) return;
      const std::int64_t local = begin + placed.offset + i - at.offset;
      EXPECT_EQ(index, (at.first_row + local / columns) * global_columns + at.first_column + local % columns);
    });
  }
}

void expect_once(const Counts& counts) {
  for (const auto& [name, elements] : counts)
    for (std::size_t i = 0; i < elements.size(); ++i) ASSERT_EQ(elements[i], 1) << name << " element " << i;
}

TEST(TensorBox, BoxesOfAllShardsTileEveryTensorForEveryNumberOfShards) {
  const parallel::UnitSpec unit = toy_unit();
  for (int shards = 1; shards <= 12; ++shards) {
    const parallel::UnitLayout layout = parallel::layout_unit(unit, 1, 0, shards);
    Counts counts = zero_counts(unit);
    for (int shard = 0; shard < shards; ++shard)
      count_range(unit, layout, shard * layout.shard_elements(), (shard + 1) * layout.shard_elements(), counts);
    expect_once(counts);
  }
}

TEST(TensorBox, BoxesTileEveryTensorWhateverTheCut) {
  parallel::UnitSpec unit = toy_unit();
  unit.parameters.push_back(unit.parameters.front());
  unit.parameters.back().name = "conv.weight";
  unit.parameters.back().shape = {5, 3, 4};
  unit.parameters.back().row_multiple = 0;
  const parallel::UnitLayout layout = parallel::layout_unit(unit, 1, 0, 1);
  std::mt19937 random(20);
  for (int round = 0; round < 300; ++round) {
    Counts counts = zero_counts(unit);
    std::int64_t begin = 0;
    while (begin < layout.elements) {
      const std::int64_t end = std::min<std::int64_t>(layout.elements, begin + 1 + random() % (1 + round));
      count_range(unit, layout, begin, end, counts);
      begin = end;
    }
    expect_once(counts);
  }
}

TEST(TensorBox, BoxesOfAllTensorRanksTileSplitParameters) {
  parallel::UnitSpec unit = toy_unit();
  using Kind = parallel::TensorPlacement::Kind;
  unit.parameters[0].tensor = {Kind::split, 0, 0};
  unit.parameters[0].row_multiple = 2;  // over 8 ranks 16 rows in memory, 10 of them true: the last ranks hold padding
  unit.parameters[2].tensor = {Kind::split, 1, 0};
  unit.parameters[3].tensor = {Kind::split, 0, 0};
  unit.parameters.erase(unit.parameters.begin() + 4);
  unit.parameters.erase(unit.parameters.begin() + 1);  // replicated: every rank would hold it
  for (const int degree : {1, 2, 4, 8}) {
    Counts counts = zero_counts(unit);
    for (int rank = 0; rank < degree; ++rank) {
      const parallel::UnitLayout layout = parallel::layout_unit(unit, degree, rank, 3);
      for (int shard = 0; shard < 3; ++shard)
        count_range(unit, layout, shard * layout.shard_elements(), (shard + 1) * layout.shard_elements(), counts);
    }
    expect_once(counts);
  }
}

TEST(TensorBox, AMatrixCutInsideRowsGivesTailWholeRowsAndHead) {
  const parallel::UnitSpec unit = toy_unit();
  const parallel::UnitLayout layout = parallel::layout_unit(unit, 1, 0, 1);
  const std::int64_t q = layout.parameters[2].offset;
  const auto placed = boxes_of_range(unit, layout, q + 30, q + 100);
  ASSERT_EQ(placed.size(), 3u);
  EXPECT_EQ(str(placed[0].box), "[1:2, 6:24]");
  EXPECT_EQ(str(placed[1].box), "[2:4, 0:24]");
  EXPECT_EQ(str(placed[2].box), "[4:5, 0:4]");
  EXPECT_EQ(placed[1].offset, 18);
  EXPECT_EQ(placed[2].offset, 66);
  const auto middle = boxes_of_range(unit, layout, q + 30, q + 33);
  ASSERT_EQ(middle.size(), 1u);
  EXPECT_EQ(str(middle[0].box), "[1:2, 6:9]");
}

TEST(TensorBox, GapsAndPaddingRowsGiveNoBoxes) {
  const parallel::UnitSpec unit = toy_unit();
  const parallel::UnitLayout layout = parallel::layout_unit(unit, 1, 0, 1);
  EXPECT_TRUE(boxes_of_range(unit, layout, 10 * 24, layout.parameters[1].offset).empty());
  EXPECT_TRUE(boxes_of_range(unit, layout, 5, 5).empty());
}

TEST(TensorBox, PartsOfARangeTileItOnAlignedCuts) {
  for (const std::int64_t length : {0, 1, 127, 128, 1000, 12800})
    for (int count = 1; count <= 9; ++count) {
      std::int64_t at = 256;
      for (int index = 0; index < count; ++index) {
        const FlatRange part = part_of_range({256, 256 + length}, index, count);
        EXPECT_EQ(part.begin, at);
        EXPECT_TRUE(part.begin % parallel::kAlignment == 0 || part.begin == 256 + length);
        at = part.end;
      }
      EXPECT_EQ(at, 256 + length);
    }
}

TEST(TensorBox, IntersectionOfBoxesThatDoNotMeetIsEmpty) {
  EXPECT_EQ(intersection({{0, 0}, {2, 4}}, {{2, 0}, {2, 4}}).elements(), 0);
  EXPECT_EQ(intersection({{0, 1}, {3, 4}}, {{2, 0}, {2, 4}}), (Box{{2, 1}, {1, 3}}));
}

}  // namespace
}  // namespace baleen::checkpoint
