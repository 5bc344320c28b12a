// The whole product of base rows and modifiers: what equivalence_test samples, for a night.
#include <gmock/gmock.h>

#include "tests/equivalence/comparison.h"

namespace baleen::tests {
namespace {

class EveryModifier : public testing::TestWithParam<std::size_t> {};

TEST_P(EveryModifier, GivesTheRunThatItOwes) {
  Runs runs;  // of this row: those of all would not fit in memory
  for (const Entry& run : all_runs(base_rows()[GetParam()])) {
    SCOPED_TRACE(run.modifiers.name() + ", " + run.precision);
    expect_owed(runs, run);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryModifier, testing::Range(std::size_t{0}, base_rows().size()),
                         [](const auto& row) { return base_rows()[row.param].name(); });

}  // namespace
}  // namespace baleen::tests
