#include "launch/process.h"

#include <ATen/Parallel.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <thread>
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

/// What the ranks of this node tell each other, and how many ranks of the run see a GPU.
struct Surroundings {
  int local_rank = 0;
  std::vector<CpuSet> masks;
  std::vector<GpuView> views;
  std::int64_t ranks_with_gpu = 0;
  std::exception_ptr gpu_failure;  // its GPUs do not answer: it counts as a rank that sees none
};

Surroundings look_around(bool for_gpus, parallel::Communicator& world) {
  GpuView view{};
  std::exception_ptr failure;
  try {
    if (for_gpus) view.count = visible_gpus();
    if (view.count > 0) view.first = gpu_id(0);
  } catch (...) {
    view.count = 0;
    failure = std::current_exception();
  }
  const at::Tensor with_gpu = at::tensor({std::int64_t{view.count > 0}}, at::kLong);
  world.all_reduce(with_gpu, parallel::ReduceOp::sum)->wait();
  const Node node;
  return {node.rank(), node.gather(allowed_cpus()), node.gather(view), with_gpu.item<std::int64_t>(), failure};
}

struct Threads {
  int count;
  const char* reason;
};

Threads pick_threads(int wanted, const Surroundings& around) {
  if (wanted < 0)
    throw core::Error(core::ExitCode::usage, fmt::format("launch.threads_per_rank is {}", wanted),
                      "set a number of threads, or 0 to share out the cores");
  if (wanted > 0) return {wanted, "launch.threads_per_rank"};
  if (const char* threads = std::getenv("OMP_NUM_THREADS"); threads != nullptr && std::atoi(threads) > 0)
    return {std::atoi(threads), "OMP_NUM_THREADS"};
  return {core_share(around.masks, around.local_rank, core_of_cpus(), cpu_quota()),
          "its share of the cores it may use"};
}

at::Device pick_device(const std::string& wanted, const Surroundings& around, const std::string& host) {
  if (wanted != "auto" && wanted != "cpu" && wanted != "cuda")
    throw core::Error(core::ExitCode::usage, fmt::format("launch.device is \"{}\"", wanted),
                      "set \"auto\", \"cpu\" or \"cuda\"");
  if (wanted == "cpu") return at::kCPU;
  if (wanted == "cuda" && !built_for_gpus())
    throw core::Error(core::ExitCode::environment, "launch.device is \"cuda\", but this build has no CUDA",
                      "build with -DBALEEN_CUDA=ON (preset gpu), or set launch.device = \"cpu\"");
  const std::int64_t ranks = around.ranks_with_gpu;
  if (ranks == 0 && wanted == "auto") return at::kCPU;
  if (around.views[static_cast<std::size_t>(around.local_rank)].count == 0)
    throw core::Error(core::ExitCode::environment,
                      fmt::format("{} sees no GPU{}", host, ranks > 0 ? ", but other ranks do" : ""),
                      "look at nvidia-smi and CUDA_VISIBLE_DEVICES there, or set launch.device = \"cpu\"");
  const int index = pick_gpu(around.views, around.local_rank, host);
  use_gpu(index);
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

struct Place {
  int rank = 0, size = 1;
};

/// Before and after a Process too.
Place place_among_ranks() {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  Place place;
  if (initialized == 0 || finalized != 0) return place;
  MPI_Comm_rank(MPI_COMM_WORLD, &place.rank);
  MPI_Comm_size(MPI_COMM_WORLD, &place.size);
  return place;
}

/// The tag of a failing rank's word to all others. Nothing else is sent over MPI_COMM_WORLD itself.
constexpr int kFailed = 1;

/// Of those whose word has come since the last call; the number of ranks where none has.
int lowest_rank_heard_of(const Place& place) {
  int lowest = place.size, heard = 0;
  MPI_Status from;
  while (MPI_Iprobe(MPI_ANY_SOURCE, kFailed, MPI_COMM_WORLD, &heard, &from) == MPI_SUCCESS && heard != 0) {
    lowest = std::min(lowest, from.MPI_SOURCE);
    MPI_Recv(nullptr, 0, MPI_BYTE, from.MPI_SOURCE, kFailed, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  return lowest;
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

Process::Process() : world_(parallel::make_mpi_communicator()), host_(host_name()) {
  at::set_num_threads(threads_);
}

Process::~Process() = default;

void Process::take_device(const ProcessOptions& options) {
  const Surroundings around = look_around(options.device != "cpu", *world_);
  if (around.gpu_failure) std::rethrow_exception(around.gpu_failure);
  local_rank_ = around.local_rank;
  local_size_ = static_cast<int>(around.masks.size());
  const Threads threads = pick_threads(options.threads_per_rank, around);
  threads_ = threads.count;
  threads_reason_ = threads.reason;
  at::set_num_threads(threads_);
  device_ = pick_device(options.device, around, host_);
}

bool is_to_tell(core::ExitCode code) {
  constexpr std::chrono::milliseconds kDelivery{50};  // of a message without content
  const Place place = place_among_ranks();
  if (place.size == 1) return true;
  if (code == core::ExitCode::rank_lost) wait_to_be_ended();
  if (lowest_rank_heard_of(place) < place.size) return false;
  for (int rank = 0; rank < place.size; ++rank) {
    MPI_Request sent = MPI_REQUEST_NULL;
    if (rank == place.rank) continue;
    if (MPI_Isend(nullptr, 0, MPI_BYTE, rank, kFailed, MPI_COMM_WORLD, &sent) == MPI_SUCCESS) MPI_Request_free(&sent);
  }
  int lowest = place.size;
  for (const auto end = std::chrono::steady_clock::now() + kDelivery; std::chrono::steady_clock::now() < end;) {
    lowest = std::min(lowest, lowest_rank_heard_of(place));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return place.rank < lowest;
}

void wait_to_be_ended() {
  if (place_among_ranks().size > 1) std::this_thread::sleep_for(std::chrono::seconds(2));
}

void abort(core::ExitCode code) {
  std::cout.flush();
  std::fflush(nullptr);
  if (place_among_ranks().size > 1) MPI_Abort(MPI_COMM_WORLD, static_cast<int>(code));
  std::_Exit(static_cast<int>(code));  // alone there is nobody to end, and MPI's words about it would only confuse
}

}  // namespace baleen::launch
