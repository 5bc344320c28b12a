// FP8 in every kind of layout: scales are those of whole tensors on a rank, whatever ZeRO stage and pipeline, so that
// these give the same bits. Over the tensor axis each rank has scales of its own: another run, as near as FP8 is.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/equivalence/comparison.h"

namespace baleen::tests {
namespace {

std::vector<Entry> runs_in_fp8() {
  std::vector<Entry> runs;
  for (const char* precision : {"fp8/tensor", "fp8/block"}) {
    const auto add = [&](const Row& row, const char* recompute = "none", const char* regather = "micro_batch") {
      Entry run{row, {}, precision};
      run.modifiers.recompute = recompute;
      run.modifiers.regather = regather;
      runs.push_back(run);
    };
    add({.shard = 2, .zero = 1});
    add({.shard = 2, .zero = 2}, "elementwise");
    add({.shard = 2, .zero = 3});
    add({.shard = 2, .zero = 3}, "block", "step");
    add({.shard = 2, .zero = 3}, "mlp", "never");
    add({.pipeline = 2});
    add({.pipeline = 2, .schedule = "zero_bubble"}, "block");
    add({.pipeline = 2, .schedule = "interleaved", .virtual_stages = 2}, "mlp");
    add({.tensor = 2, .pipeline = 2, .shard = 2, .zero = 3, .schedule = "zero_bubble"});
  }
  return runs;
}

Runs& all_runs_so_far() {
  static Runs runs;
  return runs;
}

class Fp8Layouts : public testing::TestWithParam<Entry> {};

TEST_P(Fp8Layouts, GiveTheSameBits) {
  SCOPED_TRACE(GetParam().name());
  ASSERT_FALSE(references(GetParam()).empty());
  expect_owed(all_runs_so_far(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Runs, Fp8Layouts, testing::ValuesIn(runs_in_fp8()));

TEST(Fp8Layouts, OverTheTensorAxisTheRunIsNear) {
  for (const char* precision : {"fp8/tensor", "fp8/block"}) {
    const Outcome& one = all_runs_so_far().get({Row{}, {}, precision});
    const Outcome& bf16 = all_runs_so_far().get({Row{}, {}, "bf16"});
    EXPECT_NE(one.losses, bf16.losses);
    for (const bool sequence_parallel : {true, false}) {
      const Outcome& split =
          all_runs_so_far().get({Row{.tensor = 2, .sequence_parallel = sequence_parallel}, {}, precision});
      for (std::size_t step = 0; step < one.losses.size(); ++step)
        EXPECT_NEAR(split.losses.at(step), one.losses[step], 0.02 * one.losses[step])
            << precision << ", step " << step + 1;
    }
  }
}

}  // namespace
}  // namespace baleen::tests
