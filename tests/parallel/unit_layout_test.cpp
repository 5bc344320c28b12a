#include "parallel/unit_layout.h"

#include <gmock/gmock.h>

#include <map>

#include "core/error.h"

namespace baleen::parallel {
namespace {

ParameterSpec parameter(const std::string& name, std::vector<std::int64_t> shape, TensorPlacement tensor = {},
                        bool fused = false) {
  ParameterSpec spec;
  spec.name = name;
  spec.shape = std::move(shape);
  spec.tensor = tensor;
  spec.fused_with_previous = fused;
  return spec;
}

TensorPlacement split(int dim) {
  return {TensorPlacement::Kind::split, dim, 0};
}

/// Attention with four query and two KV heads of size 3, a norm, an output split along columns, a padded vocabulary.
UnitSpec block() {
  const TensorPlacement kv{TensorPlacement::Kind::split_groups, 0, 2};
  UnitSpec spec{"layer.0",
                {parameter("norm", {7}, {TensorPlacement::Kind::replicated_sum, 0, 0}),
                 parameter("q", {12, 7}, split(0)), parameter("k", {6, 7}, kv, true), parameter("v", {6, 7}, kv, true),
                 parameter("o", {7, 12}, split(1)), parameter("table", {10, 7}, split(0))}};
  spec.parameters.back().row_multiple = 3;
  return spec;
}

TEST(ParameterSpec, CountsTrueElements) {
  const UnitSpec spec = block();
  for (const auto& [parts, rows] : {std::pair{1, 12}, {2, 12}, {3, 18}, {4, 12}, {5, 15}})
    EXPECT_EQ(spec.parameters[5].rows(parts), rows) << parts;
  EXPECT_EQ(spec.parameters[1].rows(5), 12);  // not padded
  EXPECT_EQ(spec.parameters[5].row_elements(), 7);
  EXPECT_EQ(spec.parameters[5].elements(), 70);
  EXPECT_EQ(spec.parameters[0].row_elements(), 1);
  EXPECT_EQ(spec.elements(), 7 + 84 + 42 + 42 + 84 + 70);
}

TEST(UnitLayout, AlignsParametersAndPacksFusedOnes) {
  const UnitLayout layout = layout_unit(block(), 1, 0, 1);
  const std::vector<std::int64_t> offsets = {0, 128, 128 + 84, 128 + 126, 384, 512};
  for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(layout.parameters[i].offset, offsets[i]) << i;
  EXPECT_EQ(layout.parameters[5].elements, 84);  // with padding rows
  EXPECT_EQ(layout.elements, 640);
}

TEST(UnitLayout, CutsTheBufferIntoEqualAlignedShards) {
  for (const int shards : {1, 2, 3, 4, 7, 8}) {
    const UnitLayout layout = layout_unit(block(), 2, 1, shards);
    const ParameterLayout& last = layout.parameters.back();
    EXPECT_EQ(layout.shards, shards);
    EXPECT_EQ(layout.shard_elements() * shards, layout.elements);
    EXPECT_EQ(layout.shard_elements() % kAlignment, 0);
    EXPECT_GE(layout.elements, last.offset + last.elements);
    EXPECT_LT(layout.elements, last.offset + last.elements + kAlignment * shards);
  }
}

TEST(UnitLayout, NeverOverlaps) {
  for (const int degree : {1, 2, 4}) {
    const UnitSpec spec = block();
    const UnitLayout layout = layout_unit(spec, degree, degree - 1, 2);
    std::int64_t end = 0;
    for (std::size_t i = 0; i < layout.parameters.size(); ++i) {
      const ParameterLayout& here = layout.parameters[i];
      EXPECT_GE(here.offset, end);
      if (spec.parameters[i].fused_with_previous)
        EXPECT_EQ(here.offset, end);
      else
        EXPECT_EQ(here.offset % kAlignment, 0);
      std::int64_t elements = 1;
      for (const std::int64_t length : here.local_shape) elements *= length;
      EXPECT_EQ(here.elements, elements);
      end = here.offset + here.elements;
    }
  }
}

TEST(UnitLayout, TensorRanksTogetherHoldEveryElementOnce) {
  const UnitSpec spec = block();
  for (const int degree : {1, 2, 4})
    for (std::size_t p = 0; p < spec.parameters.size(); ++p) {
      std::map<std::pair<std::int64_t, std::int64_t>, int> holders;
      std::int64_t columns = spec.parameters[p].row_elements();
      for (int rank = 0; rank < degree; ++rank) {
        const ParameterLayout here = layout_unit(spec, degree, rank, 1).parameters[p];
        const std::int64_t width = here.local_shape.size() > 1 ? here.local_shape[1] : 1;
        for (std::int64_t row = 0; row < here.local_shape[0]; ++row)
          for (std::int64_t column = 0; column < width; ++column)
            ++holders[{here.first_row + row, here.first_column + column}];
      }
      EXPECT_EQ(static_cast<std::int64_t>(holders.size()), spec.parameters[p].rows(degree) * columns);
      const bool replicated = spec.parameters[p].tensor.kind == TensorPlacement::Kind::replicated_sum;
      const bool grouped = spec.parameters[p].tensor.kind == TensorPlacement::Kind::split_groups;
      const int copies = replicated ? degree : grouped && degree > 2 ? degree / 2 : 1;
      for (const auto& [element, count] : holders) EXPECT_EQ(count, copies) << spec.parameters[p].name;
    }
}

TEST(UnitLayout, AGroupSharesItsPart) {
  for (int rank = 0; rank < 4; ++rank)
    EXPECT_EQ(layout_unit(block(), 4, rank, 1).parameters[2].first_row, rank / 2 * 3) << rank;
}

TEST(UnitLayout, RefusesDegreesThatDoNotDivide) {
  try {
    layout_unit(block(), 5, 0, 1);
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    EXPECT_STREQ(error.what(), "q: dim 0 has 12 elements, which do not split over 5 tensor-parallel ranks");
    EXPECT_THAT(error.next_action(), testing::HasSubstr("parallelism.tensor"));
  }
}

}  // namespace
}  // namespace baleen::parallel
