#include "planner/communicators.h"

#include <algorithm>

namespace baleen::planner {
namespace {

// As NCCL 2.28 told it (NCCL_DEBUG_SUBSYS=ALLOC; bench/results/2026-11-26-layouts.md). It takes pages of 2 MiB.
constexpr std::int64_t kMib = std::int64_t{1} << 20;
constexpr std::int64_t kMade = 4 * kMib;         // of a communicator
constexpr std::int64_t kChannelMade = 6 * kMib;  // of each of its channels, from the start
constexpr std::int64_t kSends = 2 * kMib;        // of a channel that is connected to another rank, to send
constexpr std::int64_t kReceives = 10 * kMib;    // and to receive
constexpr std::int64_t kConnected = kSends + kReceives;

/// Whether its sums are exchanges of blocks between all pairs of its ranks (parallel/gradient_reduction.h).
bool exchanges(const PlannedStep& step, const std::string& axis) {
  const char* sums = communicates(step.dims.data_replicate) ? "data_shard" : "data";
  const bool ordered = step.config.run.deterministic;
  if (axis == sums) return ordered || (step.config.precision.gradient_wire == "bf16" && step.master_size() > 2);
  return ordered && (axis == "data_replicate" || axis == "tensor" || axis == "tensor_group");
}

std::int64_t bytes_of(const PlannedStep& step, const PlannedCommunicator& communicator,
                      const FootprintTable& footprint) {
  const std::string& axis = communicator.axis;
  const int most = most_channels(axis);
  const auto limited = [most](std::int64_t channels) {
    return most > 0 ? std::min<std::int64_t>(channels, most) : channels;
  };
  const std::int64_t channels = limited(footprint.nccl_channels), ring = limited(footprint.nccl_ring_channels);
  std::int64_t bytes = kMade + channels * kChannelMade;
  if (axis.ends_with("_edge")) return bytes + channels * kConnected / 2;  // two of a rank's four send, two receive
  if (axis == "pipeline_ends" && !step.config.model.tie_embeddings) return bytes;  // never used
  bytes += ring * kConnected;
  if (exchanges(step, axis)) bytes += (communicator.ranks - 1) * channels * kConnected;
  return bytes;
}

}  // namespace

std::vector<PlannedCommunicator> communicators(const PlannedStep& step, int pipeline_rank) {
  const parallel::ParallelDims& dims = step.dims;
  std::vector<PlannedCommunicator> all;
  const auto add = [&all](const char* axis, int ranks) {
    if (communicates(ranks)) all.push_back({axis, ranks});
  };
  add("world", dims.world());
  add("data", dims.data());
  if (communicates(dims.data_replicate)) add("data_shard", dims.data_shard);
  add("data_replicate", dims.data_replicate);
  if (mesh_options(step.config).gathers) add("gathers", dims.data_shard);
  add("tensor", dims.tensor);
  add("tensor_group", step.group_ranks());
  add("pipeline", dims.pipeline);
  if (!communicates(dims.pipeline)) return all;
  for (const char* edge : {"forward_edge", "backward_edge", "forward_edge", "backward_edge"}) add(edge, 2);
  if (pipeline_rank == 0 || pipeline_rank == dims.pipeline - 1) add("pipeline_ends", 2);
  return all;
}

int most_channels(const std::string& axis) {
  return axis == "gathers" || axis == "data" || axis == "data_shard" ? 16 : 0;
}

double communicators_gib(const PlannedStep& step, int pipeline_rank, const FootprintTable& footprint) {
  const std::vector<PlannedCommunicator> all = communicators(step, pipeline_rank);
  if (all.empty()) return 0;
  std::int64_t bytes = 0;
  for (const PlannedCommunicator& one : all) bytes += bytes_of(step, one, footprint);
  return footprint.nccl_gib + static_cast<double>(bytes) / static_cast<double>(1024 * kMib);
}

}  // namespace baleen::planner
