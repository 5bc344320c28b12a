#include "parallel/mpi_communicator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "parallel/mesh.h"
#include "parallel/thread_communicator.h"
#include "tests/parallel/conformance.h"
#include "tests/parallel/rank_environment.h"

namespace baleen::parallel {
namespace {

RankEnvironment* const g_environment = RankEnvironment::install("cpu");

Communicator& world() {
  return g_environment->process().world();
}

TEST(MpiCommunicator, Conforms) {
  EXPECT_EQ(world().name(), "mpi");
  expect_conformance(world(), at::kCPU, host_types());
}

TEST(MpiCommunicator, CutsLargeMessagesIntoPieces) {
  const std::unique_ptr<Communicator> pieces = make_mpi_communicator(1001);
  expect_conformance(*pieces, at::kCPU, {at::kDouble, at::kHalf, at::kByte});
}

TEST(MpiCommunicator, HasTheBitsOfTheThreadCommunicator) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf, at::kFloat8_e4m3fn, at::kInt})
    for (const std::int64_t count : {31, 40009})  // one round of messages, two rounds
      for (const ReduceOp op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
        const int me = world().rank(), ranks = world().size();
        const at::Tensor reduced = awkward_values(me, count, type);
        const at::Tensor scattered = at::empty({count}, type);
        const WorkPtr reduce = world().all_reduce(reduced, op);
        world().reduce_scatter(scattered, awkward_values(me, count * ranks, type), op)->wait();
        reduce->wait();

        at::Tensor expected_reduced, expected_scattered;
        run_threads(ranks, [&](Communicator& threads) {
          const at::Tensor all = awkward_values(threads.rank(), count, type), part = at::empty({count}, type);
          threads.all_reduce(all, op)->wait();
          threads.reduce_scatter(part, awkward_values(threads.rank(), count * ranks, type), op)->wait();
          if (threads.rank() == me) {
            expected_reduced = all;
            expected_scattered = part;
          }
        });
        const auto bits = [](const at::Tensor& tensor) { return tensor.view(at::kByte); };
        EXPECT_TRUE(at::equal(bits(reduced), bits(expected_reduced))) << at::toString(type) << " x " << count;
        EXPECT_TRUE(at::equal(bits(scattered), bits(expected_scattered))) << at::toString(type) << " x " << count;
      }
}

TEST(MpiCommunicator, CarriesAMesh) {
  const int ranks = world().size();
  Mesh mesh({.tensor = 1, .context = 1, .data_shard = ranks, .data_replicate = 1, .pipeline = 1}, world(),
            device_communicators(at::kCPU));
  const at::Tensor ones = at::ones({1});
  mesh.data().all_reduce(ones, ReduceOp::sum)->wait();
  EXPECT_EQ(ones.item<int>(), ranks);
}

TEST(MpiCommunicator, WorksMayOutliveTheirCommunicator) {
  const at::Tensor tensor = at::ones({40000});
  WorkPtr work;
  {
    const std::unique_ptr<Communicator> copy = world().split(0, world().rank());
    work = copy->all_reduce(tensor, ReduceOp::sum);
  }
  work->wait();
  EXPECT_EQ(tensor.min().item<int>(), world().size());
}

TEST(MpiCommunicator, RefusesWrongArguments) {  // before anything is sent, so that no rank waits
  EXPECT_THROW(world().all_reduce(at::ones({2}, at::kMeta), ReduceOp::sum)->wait(), core::Error);
  EXPECT_THROW(world().all_reduce(at::ones({2, 3}).t(), ReduceOp::sum)->wait(), core::Error);
  EXPECT_THROW(world().all_gather(at::ones({1}), at::ones({2}))->wait(), core::Error);
  EXPECT_THROW(world().broadcast(at::ones({1}), world().size())->wait(), core::Error);
  EXPECT_THROW(world().send(at::ones({1}), world().rank())->wait(), core::Error);
}

}  // namespace
}  // namespace baleen::parallel
