#include "parallel/mesh.h"

#include <fmt/format.h>

#include "core/error.h"
#include "parallel/nccl_communicator.h"

namespace baleen::parallel {
namespace {

/// Of the ranks with this color; a communicator of one costs nothing and needs no device library.
std::unique_ptr<Communicator> along(Communicator& host_world, int color, int ranks,
                                    const DeviceCommunicatorFactory& make) {
  if (ranks == 1) return make_self_communicator();
  const std::unique_ptr<Communicator> host = host_world.split(color, host_world.rank());
  return make(*host);
}

int checked_rank(const ParallelDims& dims, const Communicator& host_world) {
  if (dims.world() != host_world.size())
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("the mesh {} has {} ranks, but {} were started", dims.str(), dims.world(), host_world.size()),
        fmt::format("start it with mpirun -n {}, or set parallelism.data_shard = -1 to take what the world leaves",
                    dims.world()));
  return host_world.rank();
}

}  // namespace

Mesh::Mesh(const ParallelDims& dims, Communicator& host_world, const DeviceCommunicatorFactory& make)
    : dims_(dims), coordinates_(coordinates_of(checked_rank(dims, host_world), dims)), host_world_(host_world) {
  // An axis is the ranks that agree in all other coordinates: its color is their rank with this coordinate at zero.
  const auto color = [&](auto&&... axes) {
    MeshCoordinates origin = coordinates_;
    ((origin.*axes = 0), ...);
    return rank_of(origin, dims_);
  };
  using At = MeshCoordinates;
  world_ = along(host_world, 0, dims.world(), make);
  data_ =
      along(host_world, color(&At::context, &At::data_shard, &At::data_replicate), dims.context * dims.data(), make);
  tensor_ = along(host_world, color(&At::tensor), dims.tensor, make);
  pipeline_ = along(host_world, color(&At::pipeline), dims.pipeline, make);
}

DeviceCommunicatorFactory device_communicators(at::Device device) {
  if (device.is_cuda()) return make_nccl_communicator;
  return [](Communicator& host) { return host.split(0, host.rank()); };
}

}  // namespace baleen::parallel
