#pragma once
// The ranks of a run as a mesh with named axes; hands out the communicator of each.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parallel/communicator.h"
#include "parallel/mesh_options.h"
#include "parallel/parallel_dims.h"
#include "parallel/step_trace.h"
#include "parallel/traffic.h"

namespace baleen::parallel {

/// Makes the communicator that moves the compute device's tensors from one over the same ranks that moves host tensors.
/// Identity (a split of everything) on the CPU; NCCL on a GPU.
/// `axis` is the name of the communicator: "world", "data", "data_shard", "data_replicate", "gathers", "tensor",
/// "tensor_group", "pipeline", "pipeline_ends", "forward_edge", "backward_edge". Not asked for axes of one rank.
using DeviceCommunicatorFactory =
    std::function<std::unique_ptr<Communicator>(Communicator& host, const std::string& axis)>;

/// What flows over the pipeline: activations to the next stage, their gradients to the one before.
enum class Flow : std::uint8_t { forward, backward };

/// What one of a rank's communicators takes of its device.
struct CommunicatorMemory {
  std::string axis;
  int ranks = 1;
  std::int64_t bytes = 0;  // Communicator::device_bytes() so far
};

class Mesh {
 public:
  /// Collective over `host_world`, which must outlive the mesh and have dims.world() ranks.
  /// Throws Error(usage) where the sizes differ.
  Mesh(const ParallelDims& dims, Communicator& host_world, const DeviceCommunicatorFactory& make_device_communicator,
       const MeshOptions& options = {});
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  const ParallelDims& dims() const { return dims_; }
  const MeshCoordinates& coordinates() const { return coordinates_; }

  /// Host tensors over all ranks: agreement on decisions, digests, start-up.
  Communicator& host_world() { return host_world_; }
  /// What this rank's device communicators were asked to move since the start.
  const Traffic& traffic() const { return *traffic_; }
  /// Of each of this rank's device communicators, in the order in which they were made.
  std::vector<CommunicatorMemory> communicator_memory() const;
  /// What units are gathered in beside LibTorch's allocator: Communicator::gather_bytes() of all.
  std::int64_t gather_bytes() const;
  /// What records a step of this rank, its communicators included; nullptr where MeshOptions did not ask for it.
  StepTrace* trace() { return trace_.get(); }
  /// Device tensors over all ranks: gradient norm, found-inf, loss.
  Communicator& world() { return *world_; }
  /// Ranks that hold the same part of the model and see different tokens (data and context axes): gradient sums of
  /// ZeRO-0.
  Communicator& data() { return *data_; }
  /// Of these, the ranks that ZeRO cuts a unit over, and those that hold the same shard.
  Communicator& data_shard() { return data_shard_ ? *data_shard_ : *data_; }
  Communicator& data_replicate() { return *data_replicate_; }
  /// The ranks of data_shard() again, for gathers: they never wait behind a gradient sum.
  Communicator& gathers() { return gathers_ ? *gathers_ : data_shard(); }
  Communicator& tensor() { return *tensor_; }
  /// Tensor ranks that share the parts of parameters that are split in groups.
  Communicator& tensor_group() { return *tensor_group_; }
  Communicator& pipeline() { return *pipeline_; }
  /// The first and the last pipeline rank of this rank's place on the other axes, in this order; self on the ranks
  /// between them and where one rank is both. For tied weights.
  Communicator& pipeline_ends() { return *pipeline_ends_; }
  /// Two ranks, the sender is 0 and the receiver 1: the edge over which this rank sends or receives. The ring is
  /// closed, since with several stages a rank the last rank feeds the first.
  Communicator& edge(Flow flow, bool sending) {
    return *edges_[static_cast<std::size_t>(flow)][static_cast<std::size_t>(sending)];
  }

 private:
  void connect_pipeline();
  std::unique_ptr<Communicator> make(Communicator& host, const std::string& axis);
  std::unique_ptr<Communicator> along(const std::string& axis, int color, int ranks);

  ParallelDims dims_;
  MeshCoordinates coordinates_;
  Communicator& host_world_;
  DeviceCommunicatorFactory make_device_communicator_;
  std::unique_ptr<Traffic> traffic_;
  std::unique_ptr<StepTrace> trace_;
  std::vector<std::pair<std::string, const Communicator*>> made_;
  std::unique_ptr<Communicator> world_, data_, data_shard_, data_replicate_, gathers_;
  std::unique_ptr<Communicator> tensor_, tensor_group_, pipeline_, pipeline_ends_;
  // Of the whole ring, in its order: NCCL ends a communicator together with the peer, so that all ranks must end those
  // of the ring in one order.
  std::vector<std::unique_ptr<Communicator>> ring_;
  std::unique_ptr<Communicator> no_edge_;
  Communicator* edges_[2][2];
};

/// SMs that the communicator of an axis may take on a GPU, 0: any number. Limited where compute waits for nothing of
/// it: gathers and sums over the data axis.
int most_ctas(const std::string& axis);

/// The factory for tensors on this device.
DeviceCommunicatorFactory device_communicators(at::Device device);

}  // namespace baleen::parallel
