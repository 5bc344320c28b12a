// A rank that fails inside a step ends the run; it says which step it was.

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/trainer/failing_communicator.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

TEST(RankFailure, EndsTheRunWithTheStepAndTheCodeOfTheRankThatFailed) {
  const TemporaryFolder folder;
  const trainer::Config config = tiny_config(folder.path(), "fp32");
  for (const int rank : {0, 2}) {
    RunOptions options{.run_dir = folder.path() / std::to_string(rank)};
    options.communicators = failing_in_step_3(rank);
    try {
      run_with_threads(config, 4, options);
      ADD_FAILURE() << "the run went on";
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::storage);
      EXPECT_STREQ(error.what(), rank == 0 ? "rank 0: step 3: a planted fault" : "step 3: a planted fault");
      EXPECT_EQ(error.next_action(), "plant none");
    }
  }
}

}  // namespace
}  // namespace baleen::tests
