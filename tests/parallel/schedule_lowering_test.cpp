#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/parallel/pipeline_case.h"

namespace baleen::parallel {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const UnitSchedule& schedule) {
  std::vector<std::string> text;
  for (const UnitAction& action : schedule) text.push_back(str(action));
  return text;
}

int count(const UnitSchedule& schedule, UnitOp op, int unit) {
  return static_cast<int>(std::count_if(schedule.begin(), schedule.end(),
                                        [&](const UnitAction& a) { return a.op == op && a.unit == unit; }));
}

bool computes(const UnitAction& action) {
  return action.op == UnitOp::forward || action.op == UnitOp::backward_input || action.op == UnitOp::backward_weight;
}

// Two ranks: {embedding, layer} and {layer, head}.
const PipelineCase kTwoRanks{.shape = {2, 1, 2}};

TEST(ScheduleLowering, MessagesOfOneForwardOneBackward) {
  const std::vector<SimulatedRank> ranks = lower_all(kTwoRanks);
  EXPECT_THAT(names(ranks[0].schedule),
              ElementsAre("forward unit 0 micro-batch 0", "forward unit 1 micro-batch 0",
                          "send_forward unit 1 micro-batch 0 rank 1", "forward unit 0 micro-batch 1",
                          "recv_backward unit 1 micro-batch 0 rank 1", "forward unit 1 micro-batch 1",
                          "send_forward unit 1 micro-batch 1 rank 1", "backward_input unit 1 micro-batch 0",
                          "backward_weight unit 1 micro-batch 0", "backward_input unit 0 micro-batch 0",
                          "recv_backward unit 1 micro-batch 1 rank 1", "backward_weight unit 0 micro-batch 0",
                          "backward_input unit 1 micro-batch 1", "backward_weight unit 1 micro-batch 1",
                          "reduce unit 1 micro-batch 1", "backward_input unit 0 micro-batch 1",
                          "backward_weight unit 0 micro-batch 1", "reduce unit 0 micro-batch 1"));
  EXPECT_THAT(names(ranks[1].schedule),
              ElementsAre("recv_forward unit 0 micro-batch 0 rank 0", "forward unit 0 micro-batch 0",
                          "forward unit 1 micro-batch 0", "backward_input unit 0 micro-batch 0",
                          "send_backward unit 0 micro-batch 0 rank 0", "recv_forward unit 0 micro-batch 1 rank 0",
                          "backward_weight unit 0 micro-batch 0", "forward unit 0 micro-batch 1",
                          "forward unit 1 micro-batch 1", "reduce unit 1 micro-batch 1",
                          "backward_input unit 0 micro-batch 1", "send_backward unit 0 micro-batch 1 rank 0",
                          "backward_weight unit 0 micro-batch 1", "reduce unit 0 micro-batch 1"));
}

TEST(ScheduleLowering, AReceiveStandsAtMostOneComputeActionAhead) {
  for (const std::string& name : schedule_names()) {
    int ahead = 0, receives = 0;
    const PipelineCase c{.schedule = name, .shape = {4, takes_virtual_stages(name) ? 2 : 1, 12}, .layers = 2};
    for (const SimulatedRank& rank : lower_all(c))
      for (std::size_t i = 0; i < rank.schedule.size(); ++i) {
        const UnitAction& message = rank.schedule[i];
        if (message.op != UnitOp::recv_forward && message.op != UnitOp::recv_backward) continue;
        const UnitOp consumer = message.op == UnitOp::recv_forward ? UnitOp::forward : UnitOp::backward_input;
        int computed = 0;
        for (std::size_t k = i; rank.schedule[k].op != consumer || rank.schedule[k].unit != message.unit ||
                                rank.schedule[k].micro_batch != message.micro_batch;
             ++k)
          computed += computes(rank.schedule[k]);
        EXPECT_LE(computed, 1) << str(message);
        ahead += computed;
        ++receives;
      }
    EXPECT_GT(ahead, receives * 3 / 4) << name;
  }
}

// With one micro-batch the gradient that a rank waits for depends on the forward in front of it.
TEST(ScheduleLowering, AReceiveStandsRightBeforeItsConsumerWhereItWouldWaitForItself) {
  const UnitSchedule schedule = lower_all({.shape = {2, 1, 1}})[0].schedule;
  EXPECT_EQ(str(schedule.at(2)), "send_forward unit 1 micro-batch 0 rank 1");
  EXPECT_EQ(str(schedule.at(3)), "recv_backward unit 1 micro-batch 0 rank 1");
}

// More micro-batches, no more time for messages: only those of the first and the last are waited for.
TEST(ScheduleLowering, MessagesHideBehindCompute) {
  for (const std::string name : {"1f1b", "zero_bubble"}) {
    const auto waited = [&](int micro_batches) {
      PipelineCase c{.schedule = name, .shape = {4, 1, micro_batches}, .layers = 2};
      const double without = simulate(c).makespan;
      c.message = 0.1;
      return simulate(c).makespan - without;
    };
    EXPECT_NEAR(waited(8), waited(32), 1e-9) << name;
    EXPECT_GT(waited(8), 0.5) << name;
  }
}

TEST(ScheduleLowering, StagesOfOneRankPassTheirValuesOn) {
  const PipelineCase c{.schedule = "interleaved", .shape = {1, 3, 2}};
  const UnitSchedule schedule = lower_all(c)[0].schedule;
  for (const UnitAction& action : schedule) EXPECT_EQ(action.peer, -1) << str(action);
  EXPECT_EQ(count(schedule, UnitOp::forward, 3), 2);
}

TEST(ScheduleLowering, GathersAndReducesAsOftenAsThePolicySays) {
  struct Row {
    LoweringOptions options;
    int layer, embedding, head, reductions;
  };
  constexpr int kMicroBatches = 6;
  for (const Row& row : {Row{{.reduce_each_micro_batch = true, .gathers = true},
                             2 * kMicroBatches,
                             kMicroBatches,
                             kMicroBatches,
                             kMicroBatches},
                         Row{{.gathers = true, .regather = Regather::step}, 1, 1, 1, 1},
                         Row{{.gathers = true, .regather = Regather::never}, 0, 0, 0, 1}, Row{{}, 0, 0, 0, 1}})
    for (const std::string& name : schedule_names()) {
      const PipelineCase c{.schedule = name, .shape = {3, 1, kMicroBatches}, .options = row.options, .layers = 2};
      const std::vector<SimulatedRank> ranks = lower_all(c);
      for (const SimulatedRank& rank : ranks)
        for (int unit = 0; unit < static_cast<int>(rank.units.size()); ++unit) {
          const UnitTraits& traits = rank.units[static_cast<std::size_t>(unit)];
          const int gathers = traits.backward_in_forward     ? row.head
                              : traits.backward_needs_values ? row.layer
                                                             : row.embedding;
          EXPECT_EQ(count(rank.schedule, UnitOp::gather, unit), gathers) << name;
          EXPECT_EQ(count(rank.schedule, UnitOp::release, unit), gathers) << name;
          EXPECT_EQ(count(rank.schedule, UnitOp::reduce, unit), row.reductions) << name;
        }
    }
}

TEST(ScheduleLowering, AGatherStandsAheadOfItsUseByOneActionThatHidesIt) {
  for (const Regather regather : {Regather::micro_batch, Regather::step}) {
    const PipelineCase c{
        .schedule = "zero_bubble", .shape = {3, 1, 6}, .options = {.gathers = true, .regather = regather}, .layers = 2};
    for (const SimulatedRank& rank : lower_all(c)) {
      const auto traits = [&](int unit) { return rank.units[static_cast<std::size_t>(unit)]; };
      std::vector<int> between(rank.units.size(), -1);  // actions that hide gathers since the gather
      std::set<int> used;                               // by what came after the last one of these, and by it
      bool first = true;                                // nothing has hidden gathers yet
      for (const UnitAction& action : rank.schedule) {
        const auto unit = static_cast<std::size_t>(action.unit);
        if (action.op == UnitOp::gather) between[unit] = 0;
        if (!computes(action)) continue;
        // A unit used meanwhile is gathered again only when it was released.
        const bool reads = action.op == UnitOp::forward ||
                           (action.op == UnitOp::backward_input && traits(action.unit).backward_needs_values);
        if (reads && between[unit] >= 0 && !first && !used.contains(action.unit)) {
          EXPECT_EQ(between[unit], 1) << str(action);
        }
        if (reads) between[unit] = -1;
        const bool hides = traits(action.unit).hides_gathers;
        if (hides) used.clear();
        if (reads) used.insert(action.unit);
        for (int& n : between) n += hides && n >= 0 ? 1 : 0;
        first = first && !hides;
      }
    }
  }
}

// One unit computes while the next is gathered.
TEST(ScheduleLowering, PrefetchHidesGathers) {
  PipelineCase c{.shape = {1, 1, 1}, .layers = 4};
  c.options.gathers = true;
  c.gather = 0.2;
  const double compute = 3;
  EXPECT_NEAR(simulate(c).makespan, compute + 3 * 0.2, 1e-9)
      << "the first two, and the last layer again: embedding and head take no time";
  c.options.prefetch = false;
  EXPECT_NEAR(simulate(c).makespan, compute + 10 * 0.2, 1e-9) << "all";
}

// Between two micro-batches the embedding's backward and forward hide nothing: it is gathered beside the last layer.
TEST(ScheduleLowering, WhatHidesNoGathersIsPassedOver) {
  PipelineCase c{.shape = {1, 1, 2}, .layers = 4};
  c.options.gathers = true;
  c.gather = 0.1;
  EXPECT_NEAR(simulate(c).makespan, 2 * 3 + 4 * 0.1, 1e-9) << "as one micro-batch, and the last layer once more";
  const UnitSchedule schedule = lower_all(c)[0].schedule;
  const auto place = [&](UnitOp op, int unit, int micro_batch) {
    return std::find_if(
               schedule.begin(), schedule.end(),
               [&](const UnitAction& a) { return a.op == op && a.unit == unit && a.micro_batch == micro_batch; }) -
           schedule.begin();
  };
  for (const int unit : {0, 1}) {
    EXPECT_LT(place(UnitOp::gather, unit, 1), place(UnitOp::backward_weight, 1, 0));
    EXPECT_LT(place(UnitOp::backward_input, 1, 0), place(UnitOp::gather, unit, 1));
  }
  EXPECT_THAT(gathered_first(schedule), ElementsAre(0, 1));
  EXPECT_THAT(gathered_first(lower_all({})[0].schedule), testing::IsEmpty());
}

}  // namespace
}  // namespace baleen::parallel
