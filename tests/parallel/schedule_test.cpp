#include "parallel/schedule.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "core/error.h"

namespace baleen::parallel {
namespace {

/// embedding, two layers, head with the loss.
const std::vector<UnitTraits> kUnits = {
    {.backward_needs_values = false}, {}, {}, {.stage = 0, .backward_in_forward = true}};

/// One rank, its values sharded and gathered where they are used.
UnitSchedule lower_one(const StageSchedule& schedule, const std::vector<UnitTraits>& units = kUnits) {
  return lower({schedule}, 0, units, {.gathers = true, .prefetch = false});
}
StageSchedule one_stage(int micro_batches) {
  return build_schedule("1f1b", {.micro_batches = micro_batches}).at(0);
}

int count(const UnitSchedule& schedule, UnitOp op, int unit) {
  int n = 0;
  for (const UnitAction& action : schedule) n += action.op == op && action.unit == unit;
  return n;
}

/// What holds for every schedule: order of dependencies, and values gathered exactly while they are used.
void expect_sound(const UnitSchedule& schedule) {
  std::set<std::tuple<UnitOp, int, int>> done;
  std::set<int> gathered, reduced;
  for (const UnitAction& action : schedule) {
    SCOPED_TRACE(str(action));
    const auto [op, unit, micro_batch, writes_gradient, peer] = action;
    EXPECT_FALSE(writes_gradient && reduced.count(unit) == 1) << "a gradient after its reduction";
    switch (op) {
      case UnitOp::gather:
        EXPECT_TRUE(gathered.insert(unit).second);
        continue;
      case UnitOp::release:
        EXPECT_EQ(gathered.erase(unit), 1U);
        continue;
      case UnitOp::reduce:
        EXPECT_TRUE(reduced.insert(unit).second);
        continue;
      case UnitOp::forward:
        EXPECT_EQ(gathered.count(unit), 1U);
        EXPECT_TRUE(unit == 0 || done.count({op, unit - 1, micro_batch}) == 1);
        break;
      case UnitOp::backward_input:
        EXPECT_TRUE(gathered.count(unit) == 1 || !kUnits[static_cast<std::size_t>(unit)].backward_needs_values);
        EXPECT_EQ(done.count({UnitOp::forward, unit, micro_batch}), 1U);
        EXPECT_TRUE(done.count({op, unit + 1, micro_batch}) == 1 ||
                    kUnits[static_cast<std::size_t>(unit) + 1].backward_in_forward);
        break;
      case UnitOp::backward_weight:
        EXPECT_TRUE(writes_gradient);
        EXPECT_EQ(done.count({UnitOp::backward_input, unit, micro_batch}), 1U);
        break;
      default:
        ADD_FAILURE() << "a message on one rank";
    }
    EXPECT_TRUE(done.insert({op, unit, micro_batch}).second) << "twice";
  }
  EXPECT_TRUE(gathered.empty());
}

TEST(Schedule, OneStageTrainsEveryUnitOnEveryMicroBatch) {
  for (const int micro_batches : {1, 2, 5}) {
    const UnitSchedule schedule = lower_one(one_stage(micro_batches));
    expect_sound(schedule);
    for (int unit = 0; unit < 4; ++unit) {
      const bool head = unit == 3;
      EXPECT_EQ(count(schedule, UnitOp::forward, unit), micro_batches);
      EXPECT_EQ(count(schedule, UnitOp::backward_input, unit), head ? 0 : micro_batches);
      EXPECT_EQ(count(schedule, UnitOp::backward_weight, unit), head ? 0 : micro_batches);
      EXPECT_EQ(count(schedule, UnitOp::reduce, unit), 1);
    }
  }
}

TEST(Schedule, ReducesAUnitRightAfterItsLastGradient) {
  const UnitSchedule schedule = lower_one(one_stage(3));
  for (std::size_t i = 0; i < schedule.size(); ++i) {
    if (schedule[i].op != UnitOp::reduce) continue;
    EXPECT_TRUE(schedule[i - 1].writes_gradient);
    EXPECT_EQ(schedule[i - 1].unit, schedule[i].unit);
    EXPECT_EQ(schedule[i - 1].micro_batch, 2);
  }
}

TEST(Schedule, ForwardOnlyHasNoGradients) {
  const UnitSchedule schedule = lower_one(forward_schedule({.micro_batches = 2}).at(0));
  expect_sound(schedule);
  for (const UnitAction& action : schedule) {
    EXPECT_FALSE(action.writes_gradient);
    EXPECT_TRUE(action.op == UnitOp::gather || action.op == UnitOp::forward || action.op == UnitOp::release);
  }
  EXPECT_EQ(schedule.size(), 4U * 2 * 3);
}

TEST(Schedule, ASplitBackwardRunsItsWeightPartsLater) {
  using enum StageOp;
  const StageSchedule zero_bubble = {{forward, 0, 0},        {backward_input, 0, 0},  {forward, 0, 1},
                                     {backward_input, 0, 1}, {backward_weight, 0, 0}, {backward_weight, 0, 1}};
  const UnitSchedule schedule = lower_one(zero_bubble);
  expect_sound(schedule);
  EXPECT_EQ(draw({schedule.end() - 9, schedule.end()}),
            "   0 ..W....W+\n"
            "   1 .W...W+..\n"
            "   2 W..W+....\n"
            "  mb 000111111\n");
}

TEST(Schedule, RefusesWhatCannotRun) {
  using enum StageOp;
  const std::vector<StageSchedule> broken = {{{backward_input, 0, 0}},
                                             {{forward, 0, 0}, {backward_input, 0, 1}},
                                             {{forward, 0, 0}, {backward_weight, 0, 0}},
                                             {{forward, 0, 0}, {forward, 0, 0}}};
  for (const StageSchedule& schedule : broken) EXPECT_THROW(lower_one(schedule), core::Error);
}

TEST(Schedule, PrintsAndDraws) {
  EXPECT_EQ(str(StageAction{StageOp::backward_input, 1, 3}), "backward_input stage 1 micro-batch 3");
  EXPECT_EQ(str(UnitAction{UnitOp::gather, 2, 0}), "gather unit 2 micro-batch 0");
  const std::vector<UnitTraits> units = {{}, {.stage = 0, .backward_in_forward = true}};
  EXPECT_EQ(draw(lower_one(one_stage(2), units)),
            "   0 gFr...gBrWgFr....gBrW+\n"
            "   1 ...gFr.......gF+r.....\n"
            "  mb 0000000000111111111111\n");
}

}  // namespace
}  // namespace baleen::parallel
