#pragma once
// One rank of a run: MPI from start to end, its place on the node, its device and its CPU threads.

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "core/error.h"
#include "parallel/communicator.h"

namespace baleen::launch {

struct ProcessOptions {
  std::string device = "auto";  // "auto": a GPU where the build and the node have one; "cpu"; "cuda"
  /// For CPU math; 0: OMP_NUM_THREADS where set, else this rank's share of the node's cores. mpirun binds each of one
  /// or two ranks to a single core, which then is their share: `--bind-to none` gives them all.
  int threads_per_rank = 0;
};

/// Construct once, in main(), before anything else uses LibTorch or MPI. Works without mpirun, as a world of one.
/// The two steps let ranks find out between them that they were started alike: what take_device() does they do
/// together. Destroyed during unwinding it leaves MPI alone, since finalising would wait for ranks that never come:
/// catch the exception, print it, and end with launch::abort().
class Process {
 public:
  /// Only the ranks yet, on one thread of the CPU. Throws Error(environment) where MPI cannot be had.
  Process();
  /// And their devices.
  explicit Process(const ProcessOptions& options) : Process() { take_device(options); }
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Collective, with equal `options.device`. Throws Error(usage) for options that make no sense and Error(environment)
  /// where the device cannot be had; not between its collectives, so that succeed_together() may run it.
  void take_device(const ProcessOptions& options);

  int rank() const { return world_->rank(); }
  int size() const { return world_->size(); }
  int local_rank() const { return local_rank_; }  // among the ranks of this node
  int local_size() const { return local_size_; }
  at::Device device() const { return device_; }
  int threads() const { return threads_; }
  const std::string& threads_reason() const { return threads_reason_; }  // what the number comes from, for people
  const std::string& host() const { return host_; }
  /// Host tensors over all ranks.
  parallel::Communicator& world() { return *world_; }

 private:
  struct MpiSession {  // first to come, last to go
    MpiSession();
    ~MpiSession();
  };
  MpiSession mpi_;
  std::unique_ptr<parallel::Communicator> world_;
  int local_rank_ = 0, local_size_ = 1, threads_ = 1;
  at::Device device_ = at::kCPU;
  std::string host_, threads_reason_;
};

/// On a rank that has failed: whether it is the one to tell it. Ranks often fail at one moment for one cause; they let
/// each other know, and the first tells, of equals the lowest. Where another rank was lost, the reason is that one's to
/// tell: true only where it has not within two seconds.
bool is_to_tell(core::ExitCode code);
/// On the others: so long that the run has been ended.
void wait_to_be_ended();

/// Ends all ranks of the run now, with this exit code. Flushes, prints nothing. Works before and after a Process.
[[noreturn]] void abort(core::ExitCode code);

}  // namespace baleen::launch
