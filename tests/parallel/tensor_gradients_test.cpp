#include "parallel/tensor_gradients.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

using Kind = TensorPlacement::Kind;
using Ranges = std::vector<ElementRange>;

/// Offsets 0 norm, 128 q, 192 k (fused), 216 v (fused), 256 bias of k, 384 other norm: for a degree of 4.
UnitSpec block() {
  const auto parameter = [](const char* name, std::vector<std::int64_t> shape, TensorPlacement tensor, bool fused) {
    ParameterSpec spec;
    spec.name = name;
    spec.shape = std::move(shape);
    spec.tensor = tensor;
    spec.fused_with_previous = fused;
    return spec;
  };
  const TensorPlacement kv{Kind::split_groups, 0, 2}, summed{Kind::replicated_sum, 0, 0};
  return {"layer.0",
          {parameter("norm", {8}, summed, false), parameter("q", {32, 8}, {Kind::split, 0, 0}, false),
           parameter("k", {6, 8}, kv, true), parameter("v", {6, 8}, kv, true), parameter("k.bias", {6}, kv, false),
           parameter("other", {8}, summed, false), parameter("replicated", {8}, {}, false)}};
}

Ranges placed(Kind kind, ElementRange within) {
  return elements_placed(block(), layout_unit(block(), 4, 3, 1), kind, within);
}

TEST(ElementsPlaced, JoinsNeighbours) {
  EXPECT_EQ(placed(Kind::replicated_sum, {0, 640}), (Ranges{{0, 8}, {384, 392}}));
  EXPECT_EQ(placed(Kind::split_groups, {0, 640}), (Ranges{{192, 240}, {256, 259}}));
  EXPECT_EQ(placed(Kind::split, {0, 640}), (Ranges{{128, 192}}));
}

TEST(ElementsPlaced, KeepsInsideAShard) {
  EXPECT_EQ(placed(Kind::split_groups, {200, 257}), (Ranges{{200, 240}, {256, 257}}));
  EXPECT_EQ(placed(Kind::split_groups, {210, 220}), (Ranges{{210, 220}}));
  EXPECT_EQ(placed(Kind::split_groups, {240, 256}), Ranges{});
  EXPECT_EQ(placed(Kind::replicated_sum, {4, 6}), (Ranges{{4, 6}}));
  EXPECT_EQ(placed(Kind::replicated_sum, {8, 384}), Ranges{});
}

TEST(SumOverTensor, AddsWhatEachRankHasAPartOfAndNothingElse) {
  run_threads(4, [](Communicator& tensor) {
    const auto group = tensor.split(tensor.rank() / 2, tensor.rank());
    UnitOptions options;
    options.tensor_degree = 4;
    options.tensor_rank = tensor.rank();
    Unit unit(block(), options);
    const at::Tensor start = at::arange(unit.gradient().numel(), at::kFloat);
    unit.gradient().copy_(start).mul_(1 + tensor.rank());
    sum_over_tensor(unit, tensor, *group);

    at::Tensor expected = start.mul(1 + tensor.rank());
    for (const auto& [begin, end] : placed(Kind::replicated_sum, {0, start.numel()}))
      expected.narrow(0, begin, end - begin).copy_(start.narrow(0, begin, end - begin)).mul_(1 + 2 + 3 + 4);
    for (const auto& [begin, end] : placed(Kind::split_groups, {0, start.numel()}))
      expected.narrow(0, begin, end - begin)
          .copy_(start.narrow(0, begin, end - begin))
          .mul_(tensor.rank() < 2 ? 1 + 2 : 3 + 4);
    EXPECT_TRUE(at::equal(unit.gradient(), expected));
  });
}

}  // namespace
}  // namespace baleen::parallel
