#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/error.h"
#include "tests/parallel/pipeline_case.h"

namespace baleen::parallel {
namespace {

std::vector<std::string> names(const StageSchedule& list) {
  std::vector<std::string> text;
  for (const StageAction& action : list) text.push_back(str(action));
  return text;
}

int peak(const Simulation& simulation) {
  int most = 0;
  for (const RankTimeline& rank : simulation.ranks) most = std::max(most, rank.peak_micro_batches);
  return most;
}

std::string title(const PipelineCase& c) {
  return fmt::format("{} over {} ranks, {} virtual stages, {} micro-batches", c.schedule, c.shape.ranks,
                     c.shape.virtual_stages, c.shape.micro_batches);
}

/// Every way to lower, one after the other over the grid.
LoweringOptions options_by_number(int i) {
  return {.reduce_each_micro_batch = i % 2 == 1,
          .gathers = i / 2 % 4 != 3,
          .regather = static_cast<Regather>(i / 2 % 3),
          .prefetch = i / 6 % 2 == 0};
}

TEST(ScheduleBuilders, EveryScheduleIsProvenForEveryShape) {
  int i = 0;
  for (const int ranks : {1, 2, 3, 4, 5, 8, 13, 16})
    for (const int micro_batches : {1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 64})
      for (const std::string name : {"gpipe", "1f1b", "interleaved", "zero_bubble", "forward"})
        for (const int virtual_stages : {1, 2, 3, 4}) {
          if (virtual_stages > 1 && name != "interleaved" && name != "forward") continue;
          ++i;
          const PipelineCase c{.schedule = name,
                               .shape = {ranks, virtual_stages, micro_batches},
                               .options = options_by_number(i),
                               .layers = 1 + i % 2};
          EXPECT_NO_THROW(prove(lower_all(c), c.simulation())) << title(c);
        }
}

// The formulas of the papers send a gradient when the whole backward of a stage is done, so here the weight part costs
// nothing; the lowered lists send it before the first unit's weight part, which is quicker.
TEST(ScheduleBuilders, BubblesAreTheKnownOnes) {
  for (const int ranks : {2, 3, 4, 8})
    for (const int micro_batches : {1, 2, 3, 8, 24}) {
      const double known = (ranks - 1.0) / (micro_batches + ranks - 1.0);
      for (const std::string name : {"gpipe", "1f1b"}) {
        const PipelineCase c{
            .schedule = name, .shape = {ranks, 1, micro_batches}, .backward_input = 2, .backward_weight = 0};
        const Simulation simulation = simulate(c);
        EXPECT_NEAR(simulation.makespan, 3 * (micro_batches + ranks - 1), 1e-9) << title(c);
        EXPECT_NEAR(simulation.bubble, known, 1e-9) << title(c);
        for (int rank = 0; rank < ranks; ++rank)
          EXPECT_EQ(simulation.ranks[static_cast<std::size_t>(rank)].peak_micro_batches,
                    name == "gpipe" ? micro_batches : std::min(micro_batches, ranks - rank));
      }
    }
}

TEST(ScheduleBuilders, InterleavingDividesTheBubble) {
  for (const int ranks : {2, 3, 4, 8})
    for (const int stages : {1, 2, 3, 4})
      for (const int micro_batches : {1, 2, 5, 7, 8, 9, 16, 24}) {
        PipelineCase c{.schedule = "interleaved", .shape = {ranks, stages, micro_batches}, .layers = 1};
        c.forward = 1.0 / stages;
        c.backward_input = 2.0 / stages;
        c.backward_weight = 0;
        const Simulation simulation = simulate(c);
        if (micro_batches % ranks == 0) {
          const double pause = 3.0 * (ranks - 1) / stages;
          EXPECT_NEAR(simulation.makespan, 3 * micro_batches + pause, 1e-9) << title(c);
          EXPECT_NEAR(simulation.bubble, pause / (3 * micro_batches + pause), 1e-9) << title(c);
        }
        EXPECT_LE(simulation.makespan, 3 * (micro_batches + ranks - 1) + 1e-9) << title(c) << ": slower than 1f1b";
        EXPECT_LE(peak(simulation), std::min(micro_batches * stages, 2 * (ranks - 1) + (stages - 1) * ranks + 1));
      }
}

TEST(ScheduleBuilders, ZeroBubbleHasASmallerBubbleAtEqualPeakMemory) {
  for (const int ranks : {2, 3, 4, 8, 16})
    for (const int micro_batches : {1, 2, 3, 5, 8, 16, 40}) {
      const PipelineCase c{.schedule = "zero_bubble", .shape = {ranks, 1, micro_batches}, .layers = 4};
      const Simulation simulation = simulate(c);
      const Simulation other = simulate(PipelineCase{.shape = c.shape, .layers = 4});
      EXPECT_EQ(peak(simulation), peak(other)) << title(c);
      EXPECT_LE(simulation.bubble, other.bubble + 1e-9) << title(c);
      if (micro_batches > 1) {
        EXPECT_LT(simulation.bubble, other.bubble - 0.001) << title(c);
      }
      // (p - 1)(F + B - W) is left of 1f1b's (p - 1)(F + B + W).
      if (micro_batches >= ranks) {
        EXPECT_NEAR(simulation.makespan, 3 * micro_batches + ranks - 1, 1e-9) << title(c);
      }
    }
}

TEST(ScheduleBuilders, OneRankKeepsOneMicroBatchWhateverTheName) {
  for (const std::string& name : schedule_names()) {
    const auto lists = build_schedule(name, {.micro_batches = 2});
    ASSERT_EQ(lists.size(), 1U);
    EXPECT_THAT(names(lists[0]),
                testing::ElementsAre("forward stage 0 micro-batch 0", "backward_input stage 0 micro-batch 0",
                                     "backward_weight stage 0 micro-batch 0", "forward stage 0 micro-batch 1",
                                     "backward_input stage 0 micro-batch 1", "backward_weight stage 0 micro-batch 1"));
  }
}

// Sums over micro-batches must not depend on the schedule: bit equality rests on this.
TEST(ScheduleBuilders, BackwardsOfAStageAscend) {
  for (const std::string& name : schedule_names())
    for (const int stages : {1, 3}) {
      if (stages > 1 && !takes_virtual_stages(name)) continue;
      std::map<std::tuple<StageOp, int>, std::vector<int>> order;
      for (const StageSchedule& list : build_schedule(name, {4, stages, 10}))
        for (const auto& [op, stage, micro_batch] : list) order[{op, stage}].push_back(micro_batch);
      EXPECT_EQ(order.size(), 3U * 4 * static_cast<std::size_t>(stages));
      for (const auto& [key, micro_batches] : order)
        EXPECT_THAT(micro_batches, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)) << name;
    }
}

TEST(ScheduleBuilders, RefusesWhatItCannotBuild) {
  try {
    build_schedule("2f2b", {4, 1, 8});
    FAIL() << "an unknown name";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    EXPECT_THAT(error.what(), testing::HasSubstr("\"2f2b\""));
    EXPECT_EQ(error.next_action(), "choose one of gpipe, 1f1b, interleaved, zero_bubble");
  }
  EXPECT_THROW(build_schedule("1f1b", {4, 2, 8}), core::Error);
  EXPECT_THROW(build_schedule("zero_bubble", {1, 2, 8}), core::Error);
}

}  // namespace
}  // namespace baleen::parallel
