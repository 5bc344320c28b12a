#include "parallel/mesh.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "parallel/communicator_decorator.h"
#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

double sum_of_ranks(Communicator& over, int rank) {
  const at::Tensor tensor = at::full({1}, rank, at::kDouble);
  over.all_reduce(tensor, ReduceOp::sum)->wait();
  return tensor.item<double>();
}

TEST(Mesh, GivesEachAxisItsRanks) {
  const ParallelDims dims{.tensor = 2, .context = 1, .data_shard = 1, .data_replicate = 2, .pipeline = 2};
  run_threads(8, [&](Communicator& host) {
    Mesh mesh(dims, host, device_communicators(at::kCPU));
    const int rank = host.rank();
    EXPECT_EQ(rank_of(mesh.coordinates(), dims), rank);
    EXPECT_EQ(sum_of_ranks(mesh.host_world(), rank), 28);
    EXPECT_EQ(sum_of_ranks(mesh.world(), rank), 28);
    EXPECT_EQ(sum_of_ranks(mesh.tensor(), rank), 2 * (rank / 2 * 2) + 1);           // rank and its neighbour
    EXPECT_EQ(sum_of_ranks(mesh.data(), rank), 2 * (rank - rank / 2 % 2 * 2) + 2);  // two apart
    EXPECT_EQ(sum_of_ranks(mesh.pipeline(), rank), 2 * (rank % 4) + 4);             // four apart
    EXPECT_EQ(mesh.data().rank(), mesh.coordinates().data_replicate);
    EXPECT_EQ(mesh.pipeline().rank(), mesh.coordinates().pipeline);
  });
}

TEST(Mesh, DataIsEveryRankThatSeesOtherTokens) {
  const ParallelDims dims{.tensor = 1, .context = 2, .data_shard = 2, .data_replicate = 1, .pipeline = 1};
  run_threads(4, [&](Communicator& host) {
    Mesh mesh(dims, host, device_communicators(at::kCPU));
    EXPECT_EQ(mesh.data().size(), 4);
    EXPECT_EQ(mesh.tensor().name(), "self");
  });
}

/// As one that takes a kibibyte a rank of the device's memory, and for gathers as many mebibytes.
class Taking final : public CommunicatorDecorator {
 public:
  using CommunicatorDecorator::CommunicatorDecorator;
  std::int64_t device_bytes() const override { return 1024 * size(); }
  std::int64_t gather_bytes() const override { return size() << 20; }
};

TEST(Mesh, KnowsWhatItsCommunicatorsTakeOfTheDevice) {
  const ParallelDims dims{.tensor = 2, .context = 1, .data_shard = 1, .data_replicate = 1, .pipeline = 2};
  const auto make = [](Communicator& host, const std::string&) -> std::unique_ptr<Communicator> {
    return std::make_unique<Taking>(host.split(0, host.rank()));
  };
  run_threads(4, [&](Communicator& host) {
    Mesh mesh(dims, host, make, {.trace = true});
    std::vector<std::string> axes;
    for (const CommunicatorMemory& memory : mesh.communicator_memory()) {
      axes.push_back(memory.axis);
      EXPECT_EQ(memory.ranks, memory.axis == "world" ? 4 : 2);
      EXPECT_EQ(memory.bytes, 1024 * memory.ranks);
    }
    EXPECT_THAT(axes, testing::UnorderedElementsAre("world", "tensor", "pipeline", "forward_edge", "backward_edge",
                                                    "forward_edge", "backward_edge", "pipeline_ends"));
    EXPECT_EQ(mesh.gather_bytes(), (4 + 7 * 2) << 20);
  });
}

TEST(Mesh, OneRankNeedsNoDeviceLibrary) {
  const std::unique_ptr<Communicator> host = make_self_communicator();
  Mesh mesh({}, *host, [](Communicator&, const std::string&) -> std::unique_ptr<Communicator> {
    ADD_FAILURE() << "asked for a device communicator";
    return nullptr;
  });
  EXPECT_EQ(sum_of_ranks(mesh.world(), 3), 3);
}

TEST(Mesh, LeavesTheSmsToComputeWhereItRunsBeside) {
  EXPECT_GT(most_ctas("gathers"), 0);
  EXPECT_GT(most_ctas("data"), 0);
  EXPECT_EQ(most_ctas("tensor"), 0);
  EXPECT_EQ(most_ctas("forward_edge"), 0);
}

TEST(Mesh, RefusesAnotherNumberOfRanks) {
  try {
    run_threads(2, [](Communicator& host) {
      const ParallelDims dims{.tensor = 1, .context = 1, .data_shard = 4, .data_replicate = 1, .pipeline = 1};
      Mesh mesh(dims, host, device_communicators(at::kCPU));
    });
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    EXPECT_STREQ(error.what(),
                 "the mesh pipeline 1 x replicate 1 x shard 4 x tensor 1 has 4 ranks, but 2 were started");
    EXPECT_THAT(error.next_action(), testing::HasSubstr("mpirun -n 4"));
  }
}

}  // namespace
}  // namespace baleen::parallel
