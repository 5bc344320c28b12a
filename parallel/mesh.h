#pragma once
// The ranks of a run as a mesh with named axes; hands out the communicator of each.

#include <functional>
#include <memory>

#include "parallel/communicator.h"
#include "parallel/parallel_dims.h"

namespace baleen::parallel {

/// Makes the communicator that moves the compute device's tensors from one over the same ranks that moves host tensors.
/// Identity (a split of everything) on the CPU; NCCL on a GPU.
using DeviceCommunicatorFactory = std::function<std::unique_ptr<Communicator>(Communicator& host)>;

class Mesh {
 public:
  /// Collective over `host_world`, which must outlive the mesh and have dims.world() ranks.
  /// Throws Error(usage) where the sizes differ.
  Mesh(const ParallelDims& dims, Communicator& host_world, const DeviceCommunicatorFactory& make_device_communicator);

  const ParallelDims& dims() const { return dims_; }
  const MeshCoordinates& coordinates() const { return coordinates_; }

  /// Host tensors over all ranks: agreement on decisions, digests, start-up.
  Communicator& host_world() { return host_world_; }
  /// Device tensors over all ranks: gradient norm, found-inf, loss.
  Communicator& world() { return *world_; }
  /// Ranks that hold the same part of the model and see different tokens (data and context axes): gradient sums of
  /// ZeRO-0.
  Communicator& data() { return *data_; }
  Communicator& tensor() { return *tensor_; }
  Communicator& pipeline() { return *pipeline_; }

 private:
  ParallelDims dims_;
  MeshCoordinates coordinates_;
  Communicator& host_world_;
  std::unique_ptr<Communicator> world_, data_, tensor_, pipeline_;
};

/// The factory for tensors on this device.
DeviceCommunicatorFactory device_communicators(at::Device device);

}  // namespace baleen::parallel
