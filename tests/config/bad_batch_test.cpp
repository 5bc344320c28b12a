// Batches that do not fit, each with everything that is said about it.

#include <gmock/gmock.h>

#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

struct BadBatch {
  const char* name;
  std::string text;
  std::vector<std::string> problems;
  std::vector<std::string> overrides = {};
  int ranks = 1;
};

const BadBatch kBatches[] = {
    {"BatchDoesNotFitRanks",
     "[training]\nglobal_batch_size = 16\nmicro_batch_size = 4\n",
     {"run.toml:2:1: training.global_batch_size (16) is not a multiple of 3 data ranks x training.micro_batch_size "
      "(4) = 12; the nearest that fit: training.global_batch_size=12 or 24, or 2 ranks, or 4 ranks, or "
      "parallelism.pipeline=3"},
     {},
     3},
    {"BatchDoesNotFitAnyMeshOfTheRanks",
     "[training]\nglobal_batch_size = 16\nmicro_batch_size = 1\n",
     {"run.toml:2:1: training.global_batch_size (16) is not a multiple of 7 data ranks x training.micro_batch_size "
      "(1) = 7; the nearest that fit: training.global_batch_size=14 or 21, or 4 ranks, or 8 ranks"},
     {},
     7},
    {"BatchDoesNotFitShards",
     "[training]\nglobal_batch_size = 16\nmicro_batch_size = 1\n[parallelism]\ndata_replicate = 2\ndata_shard = 3\n",
     {"run.toml:2:1: training.global_batch_size (16) is not a multiple of 6 data ranks x training.micro_batch_size "
      "(1) = 6; the nearest that fit: training.global_batch_size=12 or 18, or 4 ranks (parallelism.data_shard=2), or "
      "8 ranks (parallelism.data_shard=4), or parallelism.pipeline=3 parallelism.data_shard=2 "
      "parallelism.data_replicate=1"},
     {},
     6},
    {"BatchDoesNotFitMicroBatches",
     "[training]\nglobal_batch_size = 18\nmicro_batch_size = 4\n",
     {"run.toml:2:1: training.global_batch_size (18) is not a multiple of 2 data ranks x training.micro_batch_size "
      "(4) = 8; the nearest that fit: training.global_batch_size=16 or 24"},
     {},
     2},
    {"BatchAndMeshFitNothing",
     "[training]\nglobal_batch_size = 18\nmicro_batch_size = 4\n[parallelism]\ndata_replicate = 3\n",
     {"run.toml:5:1: tensor 1 x pipeline 1 x data_replicate 3 = 3 does not divide 4 ranks; nearest legal: "
      "parallelism.data_replicate=4, or parallelism.data_replicate=2, or parallelism.data_replicate=1",
      "run.toml:2:1: training.global_batch_size (18) is not a multiple of training.micro_batch_size (4); the nearest "
      "that fit: training.global_batch_size=16 or 20"},
     {},
     4},
    {"BatchFitsNoMeshAndTheDegreeIsNone",
     "[training]\nglobal_batch_size = 18\nmicro_batch_size = 4\n[parallelism]\ntensor = 0\n",
     {"run.toml:5:1: parallelism.tensor must be between 1 and 65535, but is 0",
      "run.toml:2:1: training.global_batch_size (18) is not a multiple of training.micro_batch_size (4); the nearest "
      "that fit: training.global_batch_size=16 or 20"}},
    {"BatchSmallerThanRanks",
     "[training]\nglobal_batch_size = 2\nmicro_batch_size = 1\n",
     {"run.toml:2:1: training.global_batch_size (2) is not a multiple of 8 data ranks x training.micro_batch_size "
      "(1) = 8; the nearest that fit: training.global_batch_size=8, or 2 ranks, or parallelism.pipeline=4"},
     {},
     8},
    {"BatchOfTheMostMicroBatchesAndOneMore",
     "[training]\nglobal_batch_size = 131073\nmicro_batch_size = 1\n",
     {"run.toml:2:1: training.global_batch_size (131073) is not a multiple of 2 data ranks x "
      "training.micro_batch_size (1) = 2; the nearest that fit: training.global_batch_size=131072, or 3 ranks"},
     {},
     2},
    {"BatchThatMoreRanksThanARunHasWouldCut",
     "[training]\nglobal_batch_size = 16777213\nmicro_batch_size = 1\n",
     {"run.toml:2:1: training.global_batch_size (16777213) makes 986894 micro-batches of training.micro_batch_size "
      "(1) for each data rank; the most is 65536",
      "run.toml:2:1: training.global_batch_size (16777213) is not a multiple of 17 data ranks x "
      "training.micro_batch_size (1) = 17; the nearest that fit: training.global_batch_size=1114112"},
     {},
     17},
};

TEST(BadBatches, AreExplainedInFull) {
  const ConfigFolder folder;
  for (const BadBatch& bad : kBatches)
    EXPECT_THAT(folder.problems(bad.text, bad.overrides, bad.ranks), testing::ElementsAreArray(bad.problems))
        << bad.name;
}

}  // namespace
}  // namespace baleen::trainer
