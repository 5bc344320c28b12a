#include "tests/trainer/mpi_process.h"

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <unistd.h>

namespace baleen::tests {
namespace {

launch::Process* g_process = nullptr;

}  // namespace

launch::Process& mpi_process() {
  return *g_process;
}

SharedFolder::SharedFolder(const std::string& name) {
  parallel::Communicator& world = g_process->world();
  if (world.rank() == 0) {
    own_.emplace(name);
    (void)tiny_config(own_->path(), "fp64");
  }
  const at::Tensor id = at::tensor({std::int64_t{getpid()}}, at::kLong);
  world.broadcast(id, 0)->wait();
  path_ = std::filesystem::temp_directory_path() / ("baleen-" + name + "-" + std::to_string(id.item<std::int64_t>()));
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
