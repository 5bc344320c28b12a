#include "parallel/parallel_dims.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "parallel/parallel_config.h"

namespace baleen::parallel {
namespace {

TEST(ParallelDims, TensorVariesFastestAndPipelineSlowest) {
  const ParallelDims dims{.tensor = 2, .context = 1, .data_shard = 3, .data_replicate = 2, .pipeline = 2};
  EXPECT_EQ(dims.world(), 24);
  EXPECT_EQ(dims.data(), 6);
  EXPECT_EQ(dims.str(), "pipeline 2 x replicate 2 x shard 3 x tensor 2");
  const MeshCoordinates at = coordinates_of(1 + 2 * (2 + 3 * (1 + 2 * 1)), dims);
  EXPECT_EQ(at.tensor, 1);
  EXPECT_EQ(at.data_shard, 2);
  EXPECT_EQ(at.data_replicate, 1);
  EXPECT_EQ(at.pipeline, 1);
  EXPECT_EQ(at.data(dims), 5);
  EXPECT_EQ(coordinates_of(1, dims).tensor, 1);
  EXPECT_EQ(coordinates_of(12, dims).pipeline, 1);
}

TEST(ParallelDims, RanksAndCoordinatesAreOneToOne) {
  const ParallelDims dims{.tensor = 2, .context = 3, .data_shard = 2, .data_replicate = 2, .pipeline = 3};
  std::set<int> data_parts;
  for (int rank = 0; rank < dims.world(); ++rank) {
    const MeshCoordinates at = coordinates_of(rank, dims);
    EXPECT_EQ(rank_of(at, dims), rank);
    data_parts.insert(at.data(dims));
  }
  EXPECT_EQ(data_parts, (std::set<int>{0, 1, 2, 3}));
}

TEST(ParallelConfig, MoreRanksThanARunHasAreOneTooMany) {
  ParallelConfig config;
  EXPECT_EQ(config.least_ranks(), 1);
  config.tensor = 4;
  config.data_shard = 1 << 18;
  EXPECT_EQ(config.least_ranks(), kMostRanks);
  config.tensor = config.pipeline = config.data_replicate = 65535;
  config.data_shard = std::numeric_limits<int>::max();
  EXPECT_EQ(config.least_ranks(), kMostRanks + 1);
}

}  // namespace
}  // namespace baleen::parallel
