// Deterministic mode where the network sums in an order of its own, as NCCL does: the bits must not depend on how a
// buffer is cut.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "parallel/communicator_decorator.h"
#include "tests/equivalence/rows.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

using parallel::Communicator, parallel::ReduceOp, parallel::WorkPtr;

/// A ring: of the blocks that ranks cut a buffer into, each is summed from another rank on.
class RingSums final : public parallel::CommunicatorDecorator {
 public:
  using CommunicatorDecorator::CommunicatorDecorator;

  bool sums_in_rank_order() const override { return false; }

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    if (!tensor.is_floating_point()) return CommunicatorDecorator::all_reduce(tensor, op);
    tensor.view(-1).copy_(ring_sum(tensor.view(-1)));
    return parallel::completed_work();
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp) override {
    output.view(-1).copy_(ring_sum(input.view(-1)).narrow(0, rank() * output.numel(), output.numel()));
    return parallel::completed_work();
  }

 private:
  at::Tensor ring_sum(const at::Tensor& mine) {
    const at::Tensor all = at::empty({size(), mine.numel()}, mine.options());
    CommunicatorDecorator::all_gather(all, mine)->wait();
    const at::Tensor sum = at::zeros_like(mine);
    const std::int64_t block = (mine.numel() + size() - 1) / size();
    for (std::int64_t begin = 0; begin < mine.numel(); begin += block) {
      const std::int64_t elements = std::min(block, mine.numel() - begin);
      for (int i = 0; i < size(); ++i) {
        const std::int64_t from = (begin / block + i) % size();
        sum.narrow(0, begin, elements).add_(all[from].narrow(0, begin, elements));
      }
    }
    return sum;
  }
};

std::unique_ptr<Communicator> make_ring(Communicator& host, const std::string&) {
  return std::make_unique<RingSums>(host.split(0, host.rank()));
}

Outcome run_over_rings(const Row& row) {
  const TemporaryFolder folder;
  trainer::Config config = config_of(row, {}, folder.path(), "fp32");
  config.training.steps = 4;
  config.training.global_batch_size = 24;  // for three replicas
  RunOptions options{.run_dir = folder.path() / "run"};
  options.communicators = make_ring;
  return run_with_threads(config, row.ranks(), options);
}

void expect_equal_bits(const Row& row, const std::vector<Row>& others) {
  const Outcome expected = run_over_rings(row);
  for (const Row& other : others) {
    const Outcome actual = run_over_rings(other);
    EXPECT_EQ(actual.losses, expected.losses) << other.name();
    EXPECT_EQ(actual.validation_losses, expected.validation_losses) << other.name();
    EXPECT_EQ(actual.grad_norms, expected.grad_norms) << other.name();
    EXPECT_EQ(actual.parameters, expected.parameters) << other.name();
  }
}

TEST(SumsInAnyOrder, LeaveTheBitsOfThreeReplicas) {
  expect_equal_bits({.shard = 2, .replicate = 3}, {{.shard = 2, .replicate = 3, .zero = 1},
                                                   {.shard = 2, .replicate = 3, .zero = 3},
                                                   {.pipeline = 2, .shard = 2, .replicate = 3, .zero = 2}});
}

TEST(SumsInAnyOrder, LeaveTheBitsOfFourShards) {
  expect_equal_bits({.shard = 4}, {{.shard = 4, .zero = 2}, {.pipeline = 2, .shard = 4, .zero = 3}});
}

TEST(SumsInAnyOrder, LeaveTheBitsOfFourTensorRanks) {
  expect_equal_bits({.tensor = 4, .shard = 2}, {{.tensor = 4, .shard = 2, .zero = 3}});
}

}  // namespace
}  // namespace baleen::tests
