#include "parallel/thread_communicator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <atomic>
#include <limits>

#include "core/error.h"
#include "tests/parallel/conformance.h"

namespace baleen::parallel {
namespace {

using core::Error;
using core::ExitCode;
using testing::HasSubstr;

class Threads : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, Threads, testing::Values(1, 2, 3, 4));

TEST(SelfCommunicator, Conforms) {
  const std::unique_ptr<Communicator> self = make_self_communicator();
  EXPECT_EQ(self->name(), "self");
  for (const at::ScalarType type : host_types()) {
    SCOPED_TRACE(at::toString(type));
    expect_conformance(*self, at::kCPU, {type});
  }
}

TEST_P(Threads, Conform) {
  run_threads(GetParam(), [](Communicator& world) {
    EXPECT_EQ(world.name(), "threads");
    expect_conformance(world, at::kCPU, host_types());
  });
}

TEST_P(Threads, SumsInRankOrderInTheAccumulator) {
  constexpr std::int64_t kCount = 3001;
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const at::Tensor expected = awkward_values(0, kCount, type).to(at::kFloat);
    for (int r = 1; r < GetParam(); ++r) expected.add_(awkward_values(r, kCount, type).to(at::kFloat));
    run_threads(GetParam(), [&](Communicator& world) {
      const at::Tensor mine = awkward_values(world.rank(), kCount, type);
      world.all_reduce(mine, ReduceOp::sum)->wait();
      EXPECT_TRUE(at::equal(mine, expected.to(type))) << at::toString(type);
    });
  }
}

TEST(Threads, ANanWinsEveryMaximum) {
  for (const ReduceOp op : {ReduceOp::max, ReduceOp::min, ReduceOp::sum})
    for (int of = 0; of < 3; ++of)
      run_threads(3, [&](Communicator& world) {
        const double value = world.rank() == of ? std::numeric_limits<double>::quiet_NaN() : world.rank();
        const at::Tensor tensor = at::full({1}, value, at::kFloat);
        world.all_reduce(tensor, op)->wait();
        EXPECT_TRUE(std::isnan(tensor.item<float>()));
      });
}

TEST(Threads, NothingBlocksBeforeItIsWaitedFor) {
  run_threads(2, [](Communicator& world) {
    const at::Tensor mine = at::full({3}, world.rank(), at::kFloat), theirs = at::empty({3}, at::kFloat);
    const WorkPtr sent = world.send(mine, 1 - world.rank());
    const WorkPtr received = world.recv(theirs, 1 - world.rank());
    received->wait();
    sent->wait();
    EXPECT_EQ(theirs[0].item<float>(), 1 - world.rank());
  });
}

/// The message of what run_threads throws, which must carry `code`.
std::string error_of(int ranks, ExitCode code, const std::function<void(Communicator&)>& rank) {
  try {
    run_threads(ranks, rank);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

TEST(Threads, AThrowingRankReleasesTheOthers) {
  std::atomic<int> released{0};
  const std::string message = error_of(4, ExitCode::storage, [&](Communicator& world) {
    if (world.rank() == 2) throw Error(ExitCode::storage, "the disk is full");
    try {
      if (world.rank() == 0) world.recv(at::empty({1}), 2)->wait();
      world.barrier();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::rank_lost);
      EXPECT_THAT(error.what(), HasSubstr("rank 2 stopped: the disk is full"));
      ++released;
      throw;
    }
  });
  EXPECT_EQ(message, "the disk is full");
  EXPECT_EQ(released, 3);
}

TEST(Threads, WhatWasDoneBeforeAFailureStaysDone) {
  std::atomic<bool> reduced{false};
  error_of(2, ExitCode::internal, [&](Communicator& world) {
    const at::Tensor tensor = at::ones({4});
    const WorkPtr work = world.all_reduce(tensor, ReduceOp::sum);
    world.barrier();
    if (world.rank() == 1) throw Error(ExitCode::internal, "late");
    EXPECT_THROW(world.recv(at::empty({1}), 1)->wait(), Error);  // returns once rank 1 has failed
    work->wait();
    reduced = tensor[0].item<float>() == 2;
  });
  EXPECT_TRUE(reduced);
}

TEST(Threads, RanksThatDisagreeAreToldAboutIt) {
  EXPECT_THAT(error_of(2, ExitCode::internal,
                       [](Communicator& world) {
                         const at::Tensor tensor = at::ones({4});
                         if (world.rank() == 0)
                           world.all_reduce(tensor, ReduceOp::sum)->wait();
                         else
                           world.broadcast(tensor, 0)->wait();
                       }),
              HasSubstr("rank 1 issued broadcast from 0 of 4 Float where rank 0 issued all_reduce (sum) of 4 Float"));
  EXPECT_THAT(
      error_of(2, ExitCode::internal,
               [](Communicator& world) { world.all_reduce(at::ones({4 + world.rank()}), ReduceOp::sum)->wait(); }),
      HasSubstr("of 5 Float"));
  EXPECT_THAT(error_of(2, ExitCode::internal,
                       [](Communicator& world) {
                         if (world.rank() == 0)
                           world.send(at::ones({4}), 1)->wait();
                         else
                           world.recv(at::ones({3}), 0)->wait();
                       }),
              HasSubstr("a send of 4 Float met a recv of 3 Float"));
}

TEST(Threads, WrongArgumentsAreRefused) {
  const auto refused = [](const std::function<void(Communicator&)>& rank) {
    return error_of(2, ExitCode::internal, rank);
  };
  EXPECT_THAT(refused([](Communicator& w) { w.all_gather(at::ones({5}), at::ones({2}))->wait(); }),
              HasSubstr("from 2 Float elements needs 4 for its output, not 5 Float"));
  EXPECT_THAT(refused([](Communicator& w) { w.reduce_scatter(at::ones({2}), at::ones({5}), ReduceOp::sum)->wait(); }),
              HasSubstr("needs 4"));
  EXPECT_THAT(refused([](Communicator& w) { w.all_to_all(at::ones({3}), at::ones({3}))->wait(); }),
              HasSubstr("equal parts"));
  EXPECT_THAT(refused([](Communicator& w) {
                w.all_reduce(at::ones({2, 2}).t(), ReduceOp::sum)->wait();
              }),
              HasSubstr("contiguous"));
  EXPECT_THAT(refused([](Communicator& w) { w.all_reduce(at::ones({2}, at::kBool), ReduceOp::sum)->wait(); }),
              HasSubstr("no reduction of Bool"));
  EXPECT_THAT(refused([](Communicator& w) { w.broadcast(at::ones({2}), 2)->wait(); }), HasSubstr("root"));
  EXPECT_THAT(refused([](Communicator& w) { w.send(at::ones({2}), w.rank())->wait(); }), HasSubstr("another rank"));
}

}  // namespace
}  // namespace baleen::parallel
