#include "tests/trainer/mpi_process.h"

#include <ATen/ops/from_blob.h>
#include <gmock/gmock.h>

namespace baleen::tests {
namespace {

launch::Process* g_process = nullptr;

}  // namespace

launch::Process& mpi_process() {
  return *g_process;
}

SharedFolder::SharedFolder() {
  parallel::Communicator& world = g_process->world();
  std::string path;
  if (world.rank() == 0) {
    own_.emplace();
    (void)tiny_config(own_->path(), "fp64");
    path = own_->path().string();
  }
  path.resize(4096);  // what a path may have
  const at::Tensor shared = at::from_blob(path.data(), {static_cast<std::int64_t>(path.size())}, at::kByte);
  world.broadcast(shared, 0)->wait();
  path_ = path.c_str();
}

}  // namespace baleen::tests

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  baleen::launch::ProcessOptions options;
  options.device = baleen::tests::kMpiDevice;
  options.threads_per_rank = 1;
  baleen::launch::Process process(options);
  baleen::tests::g_process = &process;
  return RUN_ALL_TESTS();
}
