#pragma once
// The degrees of every axis of the mesh, and where a rank stands in it. Arithmetic only.

#include <string>

namespace baleen::parallel {

/// Degrees per axis; `tensor` varies fastest over the ranks, then context, data_shard, data_replicate, pipeline.
struct ParallelDims {
  int tensor = 1;
  int context = 1;
  int data_shard = 1;
  int data_replicate = 1;
  int pipeline = 1;

  int world() const { return tensor * context * data_shard * data_replicate * pipeline; }
  /// Ranks that see different sequences of a batch.
  int data() const { return data_shard * data_replicate; }
  /// "pipeline 1 x replicate 1 x shard 4 x tensor 2"; context where it is more than 1.
  std::string str() const;
};

/// A rank's place on every axis.
struct MeshCoordinates {
  int tensor = 0;
  int context = 0;
  int data_shard = 0;
  int data_replicate = 0;
  int pipeline = 0;

  /// Which of the `dims.data()` parts of a batch this rank trains on.
  int data(const ParallelDims& dims) const { return data_replicate * dims.data_shard + data_shard; }
};

MeshCoordinates coordinates_of(int rank, const ParallelDims& dims);
int rank_of(const MeshCoordinates& at, const ParallelDims& dims);

/// The mesh has a context axis; but no module cuts a sequence yet, and batches, shards of a unit and the planner's
/// counts leave the axis out. Throws Error(internal) where it has more than one rank.
void require_whole_sequences(const ParallelDims& dims);

}  // namespace baleen::parallel
