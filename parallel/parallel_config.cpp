#include "parallel/parallel_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "core/counted.h"
#include "core/error.h"

namespace baleen::parallel {
namespace {

/// Products of three axes stay inside 64 bits.
constexpr int kMostOnAxis = 65535;

}  // namespace

ParallelDims ParallelConfig::dims(int ranks) const {
  const std::int64_t rest = std::int64_t{tensor} * pipeline * data_replicate;
  const std::int64_t shard = data_shard == -1 ? ranks / rest : data_shard;
  if (shard < 1 || ranks % rest != 0 || ranks / rest != shard) {
    const bool fills = data_shard == -1;
    const std::string sharded = fills ? "" : fmt::format(" x data_shard {}", data_shard);
    throw core::Error(
        core::ExitCode::usage,
        fmt::format("tensor {} x pipeline {} x data_replicate {}{} = {:.0f} does not {} {}", tensor, pipeline,
                    data_replicate, sharded, static_cast<double>(rest) * (fills ? 1.0 : static_cast<double>(shard)),
                    fills ? "divide" : "make", core::counted(ranks, "rank")),
        "change the degrees of [parallelism] or the number of ranks");
  }
  ParallelDims dims;
  dims.tensor = tensor;
  dims.pipeline = pipeline;
  dims.data_shard = static_cast<int>(shard);
  dims.data_replicate = data_replicate;
  return dims;
}

std::int64_t ParallelConfig::least_ranks() const {
  std::int64_t ranks = 1;
  for (const int degree : {tensor, pipeline, data_replicate, data_shard})
    ranks = std::min(ranks * std::max(1, degree), kMostRanks + 1);
  return ranks;
}

const core::Section<ParallelConfig>& parallelism_section() {
  using T = ParallelConfig;
  static const auto section =
      core::Section<T>("parallelism", "The mesh of ranks: tensor x pipeline x data_shard x data_replicate of them.")
          .field("tensor", &T::tensor, "Ranks that share each matrix (tensor parallelism).",
                 core::between(1, kMostOnAxis))
          .field("pipeline", &T::pipeline, "Ranks that share the layers (pipeline parallelism).",
                 core::between(1, kMostOnAxis))
          .field("data_shard", &T::data_shard,
                 "Ranks with different sequences that ZeRO shards over; -1: what the world leaves.",
                 core::positive_or(-1))
          .field("data_replicate", &T::data_replicate, "Groups of such ranks, each with the whole model.",
                 core::between(1, kMostOnAxis))
          .field("zero_stage", &T::zero_stage,
                 "ZeRO: 0 nothing sharded, 1 optimizer state, 2 and gradients, 3 and weights.", core::between(0, 3))
          .field("regather", &T::regather,
                 "ZeRO-3: weights are gathered for each micro-batch's forward and backward, once a step, or never "
                 "released (the memory of ZeRO-2).",
                 core::one_of({"micro_batch", "step", "never"}))
          .field("sequence_parallel", &T::sequence_parallel,
                 "Split the tokens over the tensor axis where the matrices are whole.")
          .field("schedule", &T::schedule, "Order of forwards and backwards over the pipeline.",
                 core::one_of({"gpipe", "1f1b", "interleaved", "zero_bubble"}))
          .field("virtual_stages", &T::virtual_stages, "Stages of each pipeline rank (interleaved).",
                 core::between(1, 1024))
          .field("stage_layers", &T::stage_layers,
                 "Layers of each of the pipeline x virtual_stages stages; []: balanced by cost.", core::positive())
          .field("backend", &T::backend, "auto: NCCL between GPUs, MPI between CPUs.",
                 core::one_of({"auto", "mpi", "nccl"}));
  return section;
}

}  // namespace baleen::parallel
