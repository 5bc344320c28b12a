#include "parallel/parallel_dims.h"

#include <fmt/format.h>

#include "core/error.h"

namespace baleen::parallel {

std::string ParallelDims::str() const {
  const std::string along_sequence = context == 1 ? "" : fmt::format("context {} x ", context);  // cannot be set yet
  return fmt::format("pipeline {} x replicate {} x shard {} x {}tensor {}", pipeline, data_replicate, data_shard,
                     along_sequence, tensor);
}

MeshCoordinates coordinates_of(int rank, const ParallelDims& dims) {
  int rest = rank;
  const auto next = [&rest](int degree) {
    const int at = rest % degree;
    rest /= degree;
    return at;
  };
  MeshCoordinates at;
  at.tensor = next(dims.tensor);
  at.context = next(dims.context);
  at.data_shard = next(dims.data_shard);
  at.data_replicate = next(dims.data_replicate);
  at.pipeline = next(dims.pipeline);
  return at;
}

int rank_of(const MeshCoordinates& at, const ParallelDims& dims) {
  int rank = at.pipeline;
  rank = rank * dims.data_replicate + at.data_replicate;
  rank = rank * dims.data_shard + at.data_shard;
  rank = rank * dims.context + at.context;
  return rank * dims.tensor + at.tensor;
}

void require_whole_sequences(const ParallelDims& dims) {
  core::require(dims.context == 1, "a sequence is whole on its rank: context parallelism is not there yet");
}

}  // namespace baleen::parallel
