#include "parallel/nccl_communicator.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>

#include <vector>

#include "core/error.h"
#include "parallel/mesh.h"
#include "tests/parallel/conformance.h"
#include "tests/parallel/rank_environment.h"

namespace baleen::parallel {
namespace {

RankEnvironment* const g_environment = RankEnvironment::install("cuda");

launch::Process& process() {
  return g_environment->process();
}

TEST(NcclCommunicator, Conforms) {
  const std::unique_ptr<Communicator> world = make_nccl_communicator(process().world());
  EXPECT_EQ(world->name(), "nccl");
  EXPECT_EQ(world->rank(), process().rank());
  expect_conformance(*world, process().device(), nccl_types());
}

TEST(NcclCommunicator, RunsAfterWhatTheStreamHoldsAndBeforeWhatFollows) {
  const std::unique_ptr<Communicator> world = make_nccl_communicator(process().world());
  constexpr std::int64_t kCount = 1 << 24;
  for (int repeat = 0; repeat < 20; ++repeat) {
    at::Tensor tensor = at::full({kCount}, 1, at::TensorOptions().dtype(at::kFloat).device(process().device()));
    for (int k = 0; k < 10; ++k) tensor.add_(1);  // still running when the reduction is issued
    world->all_reduce(tensor, ReduceOp::sum)->wait();
    tensor.mul_(2);
    EXPECT_EQ(tensor.min().item<float>(), 22 * world->size());
    EXPECT_EQ(tensor.max().item<float>(), 22 * world->size());
  }
}

TEST(NcclCommunicator, RefusesHostTensors) {
  const std::unique_ptr<Communicator> world = make_nccl_communicator(process().world());
  EXPECT_THROW(world->all_reduce(at::ones({2}), ReduceOp::sum)->wait(), core::Error);
}

TEST(NcclCommunicator, CarriesAMesh) {
  const int ranks = process().size();
  Mesh mesh({.tensor = 1, .context = 1, .data_shard = ranks, .data_replicate = 1, .pipeline = 1}, process().world(),
            device_communicators(process().device()));
  const at::Tensor ones = at::ones({1}, at::TensorOptions().device(process().device()));
  mesh.data().all_reduce(ones, ReduceOp::sum)->wait();
  EXPECT_EQ(ones.item<int>(), ranks);
}

TEST(NcclCommunicator, MeasuresWhatItTakesOfTheDevice) {
  const std::unique_ptr<Communicator> world = make_nccl_communicator(process().world());
  const std::int64_t made = world->device_bytes();
  EXPECT_GT(made, 0);
  const at::Tensor ones = at::ones({1 << 20}, at::TensorOptions().device(process().device()));
  world->all_reduce(ones, ReduceOp::sum)->wait();
  const std::int64_t used = world->device_bytes();
  EXPECT_GE(used, made);
  EXPECT_LT(used, std::int64_t{2} << 30);
  world->all_reduce(ones, ReduceOp::sum)->wait();
  EXPECT_EQ(world->device_bytes(), used) << "the second time takes nothing";
}

TEST(NcclCommunicator, GathersByCopyEngines) {
  const std::unique_ptr<Communicator> gathers = make_nccl_communicator(process().world(), {.copy_engines = true});
  const auto bytes = at::TensorOptions().dtype(at::kBFloat16).device(process().device());
  const int rank = gathers->rank(), ranks = gathers->size();
  std::vector<const void*> places;
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::vector<at::Tensor> outputs;  // two at a time, of sizes that are taken in turns
    for (const std::int64_t part : {std::int64_t{1} << 22, std::int64_t{4096}}) {
      const at::Tensor output = gathers->empty_for_gather(ranks * part, bytes);
      const at::Tensor mine = output.narrow(0, rank * part, part);
      for (int k = 0; k < 10; ++k) mine.fill_(100 * repeat + k);  // still running when the gather is issued
      mine.fill_(rank + repeat % 7);
      gathers->all_gather(output, mine)->wait();
      outputs.push_back(output);
    }
    for (const at::Tensor& output : outputs) {
      const at::Tensor rows = output.view({ranks, -1});
      for (int r = 0; r < ranks; ++r) {
        EXPECT_EQ(rows[r].min().item<float>(), r + repeat % 7);
        EXPECT_EQ(rows[r].max().item<float>(), r + repeat % 7);
      }
      places.push_back(output.const_data_ptr());
    }
    EXPECT_EQ(places[places.size() - 2], places[0]) << "what was let go is taken again";
    EXPECT_EQ(places[places.size() - 1], places[1]);
  }
  constexpr std::int64_t kStep = std::int64_t{2} << 20;
  EXPECT_EQ(gathers->gather_bytes(), (std::int64_t{2} * ranks << 22) + (2 * ranks * 4096 + kStep - 1) / kStep * kStep);
}

TEST(NcclLibrary, IsNamed) {
  const NcclLibrary library = nccl_library();
  EXPECT_THAT(library.version, testing::MatchesRegex("2\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(library.path, testing::HasSubstr("libnccl"));
}

}  // namespace
}  // namespace baleen::parallel
