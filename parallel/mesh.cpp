#include "parallel/mesh.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/counted.h"
#include "core/error.h"
#include "parallel/counting_communicator.h"
#include "parallel/nccl_communicator.h"
#include "parallel/tracing_communicator.h"

namespace baleen::parallel {
namespace {

int checked_rank(const ParallelDims& dims, const Communicator& host_world) {
  if (dims.world() != host_world.size())
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("the mesh {} has {}, but {} started", dims.str(), core::counted(dims.world(), "rank"),
                    core::counted(host_world.size(), "was", "were")),
        fmt::format("start it with mpirun -n {}, or set parallelism.data_shard = -1 to take what the world leaves",
                    dims.world()));
  return host_world.rank();
}

/// NCCL connects the ranks of an edge when the first message is sent and received, and waits for both: here, where all
/// ranks come to the edges in one order, not in a schedule, which reckons with sends that wait for nobody.
void warm_up(Communicator& edge, at::Device device) {
  const at::Tensor element = at::zeros({1}, at::TensorOptions().device(device));
  (edge.rank() == 0 ? edge.send(element, 1) : edge.recv(element, 0))->wait();
}

}  // namespace

std::unique_ptr<Communicator> Mesh::make(Communicator& host, const std::string& axis) {
  std::unique_ptr<Communicator> made = make_device_communicator_(host, axis);
  if (trace_) made = make_tracing_communicator(std::move(made), axis, *trace_);
  made = make_counting_communicator(std::move(made), axis, *traffic_);
  made_.emplace_back(axis, made.get());
  return made;
}

/// Of the ranks with this color; a communicator of one costs nothing and needs no device library.
std::unique_ptr<Communicator> Mesh::along(const std::string& axis, int color, int ranks) {
  if (ranks == 1) return make_self_communicator();
  const std::unique_ptr<Communicator> host = host_world_.split(color, host_world_.rank());
  return make(*host, axis);
}

Mesh::Mesh(const ParallelDims& dims, Communicator& host_world, const DeviceCommunicatorFactory& make,
           const MeshOptions& options)
    : dims_(dims),
      coordinates_(coordinates_of(checked_rank(dims, host_world), dims)),
      host_world_(host_world),
      make_device_communicator_(make),
      traffic_(std::make_unique<Traffic>()),
      trace_(options.trace ? std::make_unique<StepTrace>() : nullptr) {
  // An axis is the ranks that agree in all other coordinates: its color is their rank with this coordinate at zero.
  const auto color = [&](auto&&... axes) {
    MeshCoordinates origin = coordinates_;
    ((origin.*axes = 0), ...);
    return rank_of(origin, dims_);
  };
  using At = MeshCoordinates;
  world_ = along("world", 0, dims.world());
  data_ = along("data", color(&At::context, &At::data_shard, &At::data_replicate), dims.context * dims.data());
  const int shards = dims.context * dims.data_shard;
  if (dims.data_replicate > 1) data_shard_ = along("data_shard", color(&At::context, &At::data_shard), shards);
  data_replicate_ = along("data_replicate", color(&At::data_replicate), dims.data_replicate);
  if (options.gathers) gathers_ = along("gathers", color(&At::context, &At::data_shard), shards);

  tensor_ = along("tensor", color(&At::tensor), dims.tensor);
  const int groups = options.tensor_groups > 0 ? std::min(options.tensor_groups, dims.tensor) : dims.tensor;
  const int sharing = dims.tensor / groups;
  tensor_group_ = along("tensor_group", color(&At::tensor) + coordinates_.tensor / sharing, sharing);

  pipeline_ = along("pipeline", color(&At::pipeline), dims.pipeline);
  connect_pipeline();
}

std::vector<CommunicatorMemory> Mesh::communicator_memory() const {
  std::vector<CommunicatorMemory> all;
  all.reserve(made_.size());
  for (const auto& [axis, made] : made_) all.push_back({axis, made->size(), made->device_bytes()});
  return all;
}

std::int64_t Mesh::gather_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [axis, made] : made_) bytes += made->gather_bytes();
  return bytes;
}

Mesh::~Mesh() {
  for (std::unique_ptr<Communicator>& edge : ring_) edge.reset();
}

void Mesh::connect_pipeline() {
  no_edge_ = make_self_communicator();
  for (auto& flow : edges_)
    for (Communicator*& edge : flow) edge = no_edge_.get();
  pipeline_ends_ = make_self_communicator();
  const int ranks = dims_.pipeline, rank = coordinates_.pipeline;
  if (ranks == 1) return;
  MeshCoordinates first = coordinates_;
  first.pipeline = 0;
  // One split a pair of ranks; the others take no part in it and get a color of their own.
  const auto pair = [&](const std::string& axis, int zero, int one) {
    const bool inside = rank == zero || rank == one;
    const int color = inside ? rank_of(first, dims_) : dims_.world() + host_world_.rank();
    const std::unique_ptr<Communicator> host = host_world_.split(color, rank == zero ? 0 : 1);
    return inside ? make(*host, axis) : make_self_communicator();
  };
  for (int from = 0; from < ranks; ++from) {
    const int to = (from + 1) % ranks;
    for (const Flow flow : {Flow::forward, Flow::backward}) {
      const int sender = flow == Flow::forward ? from : to, receiver = flow == Flow::forward ? to : from;
      const char* axis = flow == Flow::forward ? "forward_edge" : "backward_edge";
      ring_.push_back(pair(axis, sender, receiver));
      if (rank == sender || rank == receiver)
        edges_[static_cast<std::size_t>(flow)][rank == sender] = ring_.back().get();
    }
  }
  std::unique_ptr<Communicator> ends = pair("pipeline_ends", 0, ranks - 1);
  if (rank == 0 || rank == ranks - 1) pipeline_ends_ = std::move(ends);
}

int most_ctas(const std::string& axis) {
  // Gathers and gradient sums run beside compute, both at once: a quarter of an H100's 132 SMs is left to them
  // together.
  constexpr int kBesideCompute = 16;
  for (const char* beside : {"gathers", "data", "data_shard"})
    if (axis == beside) return kBesideCompute;
  return 0;
}

DeviceCommunicatorFactory device_communicators(at::Device device) {
  if (device.is_cuda())
    return [device](Communicator& host, const std::string& axis) {
      std::unique_ptr<Communicator> made =
          make_nccl_communicator(host, {.most_ctas = most_ctas(axis), .copy_engines = axis == "gathers"});
      if (axis.ends_with("_edge")) warm_up(*made, device);
      return made;
    };
  return [](Communicator& host, const std::string&) { return host.split(0, host.rank()); };
}

}  // namespace baleen::parallel
