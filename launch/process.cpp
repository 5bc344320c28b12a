#include "launch/process.h"

#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <mpi.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <type_traits>
#include <vector>

#include "launch/cores.h"
#include "launch/gpus.h"
#include "parallel/mpi_communicator.h"

namespace baleen::launch {
namespace {

void check(int code, const char* call) {
  if (code != MPI_SUCCESS)
    throw core::Error(core::ExitCode::environment, fmt::format("{} failed with code {}", call, code),
                      "check that mpirun and the MPI library belong together: baleen version names the library");
}

/// The ranks that share this node's memory.
class Node {
 public:
  Node() {
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &comm_), "MPI_Comm_split_type");
    check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  ~Node() {
    if (std::uncaught_exceptions() == 0) MPI_Comm_free(&comm_);  // collective
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// What each rank of the node has.
  template <class T>
  std::vector<T> gather(const T& mine) const {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(static_cast<std::size_t>(size_));
    constexpr int kBytes = sizeof(T);
    check(MPI_Allgather(&mine, kBytes, MPI_BYTE, all.data(), kBytes, MPI_BYTE, comm_), "MPI_Allgather");
    return all;
  }

 private:
  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
};

int pick_threads(int wanted, const Node& node) {
  if (wanted < 0)
    throw core::Error(core::ExitCode::usage, fmt::format("launch.threads_per_rank is {}", wanted),
                      "set a number of threads, or 0 to share out the cores");
  // Gathered whatever is wanted: ranks may not all have OMP_NUM_THREADS set.
  const std::vector<CpuSet> masks = node.gather(allowed_cpus());
  if (wanted > 0) return wanted;
  if (const char* threads = std::getenv("OMP_NUM_THREADS"); threads != nullptr && std::atoi(threads) > 0)
    return std::atoi(threads);
  return core_share(masks, node.rank(), core_of_cpus(), cpu_quota());
}

at::Device pick_device(const std::string& wanted, const Node& node, const std::string& host,
                       parallel::Communicator& world) {
  if (wanted != "auto" && wanted != "cpu" && wanted != "cuda")
    throw core::Error(core::ExitCode::usage, fmt::format("launch.device is \"{}\"", wanted),
                      "set \"auto\", \"cpu\" or \"cuda\"");
  if (wanted == "cpu") return at::kCPU;
  if (wanted == "cuda" && !built_for_gpus())
    throw core::Error(core::ExitCode::environment, "launch.device is \"cuda\", but this build has no CUDA",
                      "build with -DBALEEN_CUDA=ON (preset gpu), or set launch.device = \"cpu\"");
  GpuView view{visible_gpus(), {}};
  if (view.count > 0) view.first = gpu_id(0);
  const at::Tensor with_gpu = at::tensor({std::int64_t{view.count > 0}}, at::kLong);
  world.all_reduce(with_gpu, parallel::ReduceOp::sum)->wait();
  const auto ranks = with_gpu.item<std::int64_t>();
  if (ranks == 0 && wanted == "auto") return at::kCPU;
  if (view.count == 0)
    throw core::Error(core::ExitCode::environment,
                      fmt::format("{} sees no GPU{}", host, ranks > 0 ? ", but other ranks do" : ""),
                      "look at nvidia-smi and CUDA_VISIBLE_DEVICES there, or set launch.device = \"cpu\"");
  const int index = pick_gpu(node.gather(view), node.rank(), host);
  use_gpu(index);
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

std::string host_name() {
  std::array<char, MPI_MAX_PROCESSOR_NAME + 1> name{};
  int length = 0;
  check(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  return name.data();
}

}  // namespace

Process::MpiSession::MpiSession() {
  // Multicast sums over NVLink have hung on some systems: off unless the user asks. NCCL reads it when it starts.
  setenv("NCCL_NVLS_ENABLE", "0", /*overwrite=*/0);
  // A hardware queue for each stream: communicators that share one would wait for each other in orders that ranks do
  // not agree on. CUDA reads it when it starts.
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
  int provided = MPI_THREAD_SINGLE;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  if (provided < MPI_THREAD_FUNNELED)
    throw core::Error(core::ExitCode::environment, "this MPI library cannot serve a program with threads",
                      "use an MPI built with thread support (MPI_THREAD_FUNNELED)");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

Process::MpiSession::~MpiSession() {
  if (std::uncaught_exceptions() == 0) MPI_Finalize();
}

Process::Process(const ProcessOptions& options) : world_(parallel::make_mpi_communicator()), host_(host_name()) {
  const Node node;
  local_rank_ = node.rank();
  local_size_ = node.size();
  threads_ = pick_threads(options.threads_per_rank, node);
  at::set_num_threads(threads_);
  device_ = pick_device(options.device, node, host_, *world_);
}

Process::~Process() = default;

void abort(core::ExitCode code) {
  std::cout.flush();
  std::fflush(nullptr);
  int initialized = 0, finalized = 0, size = 1;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  const bool running = initialized != 0 && finalized == 0;
  if (running) MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (size > 1) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));  // alone there is nobody to end, and MPI's words about it would only confuse
}

}  // namespace baleen::launch
