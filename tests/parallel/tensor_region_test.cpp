#include "parallel/tensor_region.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/stack.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

constexpr std::int64_t kTokens = 8, kDim = 3;

/// Another [tokens, dim] for each rank, and their sum.
at::Tensor part_of(int rank) {
  return at::arange(kTokens * kDim, at::kDouble).view({kTokens, kDim}).mul(rank + 1).add(0.5 * rank);
}
at::Tensor sum_of_parts(int ranks) {
  at::Tensor sum = part_of(0);
  for (int rank = 1; rank < ranks; ++rank) sum.add_(part_of(rank));
  return sum;
}

TEST(TensorRegion, OneRankGetsBackWhatItGives) {
  const at::Tensor x = part_of(0);
  const auto self = make_self_communicator();
  for (const TensorRegion& region : {TensorRegion(), TensorRegion(*self, false), TensorRegion(*self, true)}) {
    EXPECT_TRUE(region.complete());
    EXPECT_FALSE(region.sequence_parallel());
    for (const at::Tensor& y : {region.enter(x), region.enter_backward(x), region.leave(x), region.leave_backward(x)})
      EXPECT_TRUE(y.is_same(x));
    EXPECT_EQ(region.gather(x).data_ptr(), x.data_ptr());
    EXPECT_EQ(region.gather(x).sizes(), (std::vector<std::int64_t>{1, kTokens, kDim}));
    EXPECT_EQ(region.outer_rows(7), 7);
    EXPECT_EQ(region.first_token(7), 0);
  }
}

TEST(TensorRegion, WithoutSequenceParallelismAllRanksHaveAllTokens) {
  for (const int ranks : {2, 3, 4})
    run_threads(ranks, [&](Communicator& tensor) {
      const TensorRegion region(tensor, false);
      EXPECT_FALSE(region.complete());
      const at::Tensor x = part_of(0);
      EXPECT_TRUE(region.enter(x).is_same(x));
      EXPECT_TRUE(region.leave_backward(x).is_same(x));
      EXPECT_TRUE(at::equal(region.leave(part_of(tensor.rank())), sum_of_parts(ranks)));
      EXPECT_TRUE(at::equal(region.enter_backward(part_of(tensor.rank())), sum_of_parts(ranks)));
      EXPECT_EQ(region.outer_rows(7), 7);
      EXPECT_EQ(region.first_token(7), 0);
    });
}

TEST(TensorRegion, SequenceParallelRanksHaveTheirOwnTokens) {
  for (const int ranks : {2, 4})
    run_threads(ranks, [&](Communicator& tensor) {
      const TensorRegion region(tensor, true);
      EXPECT_TRUE(region.sequence_parallel());
      const std::int64_t rows = region.outer_rows(kTokens), first = region.first_token(rows);
      EXPECT_EQ(rows, kTokens / ranks);
      EXPECT_EQ(first, tensor.rank() * rows);
      const at::Tensor x = part_of(0), mine = x.narrow(0, first, rows);
      EXPECT_TRUE(at::equal(region.enter(mine), x));
      EXPECT_TRUE(at::equal(region.leave_backward(mine), x));
      const at::Tensor sum = sum_of_parts(ranks).narrow(0, first, rows);
      EXPECT_TRUE(at::equal(region.leave(part_of(tensor.rank())), sum));
      EXPECT_TRUE(at::equal(region.enter_backward(part_of(tensor.rank())), sum));
      EXPECT_THROW(region.outer_rows(kTokens + 1), core::Error);
    });
}

TEST(TensorRegion, GathersInRankOrder) {
  run_threads(3, [](Communicator& tensor) {
    const at::Tensor all = TensorRegion(tensor, false).gather(part_of(tensor.rank()));
    EXPECT_TRUE(at::equal(all, at::stack({part_of(0), part_of(1), part_of(2)})));
  });
}

}  // namespace
}  // namespace baleen::parallel
