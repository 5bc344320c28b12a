// What a trace tells, from one made by hand.

#include "trainer/trace_times.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/error.h"
#include "planner/replay.h"
#include "tests/support/temporary_folder.h"
#include "trainer/execution_plan.h"

namespace baleen::trainer {
namespace {

using parallel::RankTrace, parallel::TracedSpan, parallel::UnitOp;
using Kind = TracedSpan::Kind;
using testing::DoubleNear;
using testing::HasSubstr;

TracedSpan action(UnitOp op, int micro_batch, double start, double end, int stage = 0) {
  return {.kind = Kind::action,
          .name = std::string(parallel::name(op)),
          .action = {op, 0, micro_batch},
          .unit = "layer.0",
          .stage = stage,
          .start = start,
          .end = end};
}

TracedSpan wait(const char* axis, double start, double end) {
  return {.kind = Kind::wait, .name = "recv", .axis = axis, .start = start, .end = end};
}

/// Ten seconds: one for data, a forward of two that waits one for its input, a backward of three with an exchange of
/// half a second inside, a reduction beside it, an optimizer of one that waits a quarter.
RankTrace trace_by_hand() {
  return {{.kind = Kind::step, .name = "step", .start = 0, .end = 10},
          {.kind = Kind::phase, .name = "batches", .start = 0, .end = 1},
          action(UnitOp::recv_forward, 0, 1, 1),
          action(UnitOp::forward, 0, 1, 4),
          wait("forward_edge", 1, 2),
          action(UnitOp::backward_input, 0, 4, 6),
          wait("tensor", 5, 5.5),
          action(UnitOp::backward_weight, 0, 6, 7),
          action(UnitOp::reduce, 0, 7, 7),
          {.kind = Kind::operation, .name = "all_reduce", .axis = "data", .start = 7, .end = 8},
          {.kind = Kind::phase, .name = "gradients", .start = 7, .end = 7.5},
          wait("data", 7, 7.5),
          {.kind = Kind::operation, .name = "all_reduce", .axis = "data", .start = 8, .end = 9},
          {.kind = Kind::phase, .name = "optimizer", .start = 8, .end = 9},
          wait("world", 8, 8.25)};
}

TEST(TraceTimes, EverySecondOfAStepBelongsToOneClass) {
  const RankTimes times = rank_times(trace_by_hand());
  EXPECT_EQ(times.step, 10);
  EXPECT_EQ(times.of(TimeClass::data), 1);
  EXPECT_EQ(times.of(TimeClass::forward), 2);
  EXPECT_EQ(times.of(TimeClass::backward), 1.5);
  EXPECT_EQ(times.of(TimeClass::weight), 1);
  EXPECT_EQ(times.of(TimeClass::update), 0.75);
  EXPECT_EQ(times.of(TimeClass::pipeline), 1);
  EXPECT_EQ(times.of(TimeClass::tensor), 0.5);
  EXPECT_EQ(times.of(TimeClass::sums), 0.5);
  EXPECT_EQ(times.of(TimeClass::scalars), 0.25);
  EXPECT_EQ(times.of(TimeClass::gathers), 0);
  EXPECT_EQ(times.of(TimeClass::other), 1.5);
  EXPECT_THAT(times.exposed(), DoubleNear(0.225, 1e-12));
  double all = 0;
  for (const double seconds : times.seconds) all += seconds;
  EXPECT_EQ(all, times.step);
}

TEST(TraceTimes, ABlockBeginsWhenItsInputIsThere) {
  const MeasuredRank rank = measured_rank(trace_by_hand());
  ASSERT_EQ(rank.blocks.size(), 2u);
  EXPECT_EQ(rank.blocks[0].kind, parallel::TimedBlock::Kind::forward);
  EXPECT_EQ(rank.blocks[0].start, 2);
  EXPECT_EQ(rank.blocks[0].end, 4);
  EXPECT_EQ(rank.blocks[1].kind, parallel::TimedBlock::Kind::backward);
  EXPECT_EQ(rank.blocks[1].end, 7);
  EXPECT_EQ(rank.busy, 5) << "an exchange inside a layer is a part of its compute, as in the plan";
  EXPECT_EQ(rank.first, 1);
  EXPECT_EQ(rank.last, 8) << "the gradient sum of the schedule, not that of a later phase";
  EXPECT_TRUE(rank.waits.empty());
}

TEST(TraceTimes, AWaitInsideABlockIsKept) {
  RankTrace trace = {{.kind = Kind::step, .name = "step", .start = 0, .end = 9}, action(UnitOp::forward, 0, 0, 2)};
  trace.push_back(action(UnitOp::forward, 0, 2, 6));
  trace.back().action.unit = 1;
  trace.push_back(wait("gathers", 2, 3));
  const MeasuredRank rank = measured_rank(trace);
  ASSERT_EQ(rank.blocks.size(), 1u);
  EXPECT_THAT(rank.waits, testing::ElementsAre(std::pair(2.0, 3.0)));
  EXPECT_EQ(rank.busy, 5);
}

TEST(TraceTimes, TheBubbleIsWhatRanksDoNotCompute) {
  TracedStep step;
  step.dims.pipeline = 2;
  step.ranks = {{action(UnitOp::forward, 0, 1, 3, 0), action(UnitOp::backward_input, 0, 6, 9, 0)},
                {action(UnitOp::forward, 0, 3, 4, 1), action(UnitOp::backward_input, 0, 4, 6, 1)}};
  const MeasuredSchedule schedule = measured_schedule(step);
  EXPECT_EQ(schedule.makespan, 8);
  EXPECT_THAT(schedule.bubble_of(schedule.ranks[0]), DoubleNear(1 - 5 / 8.0, 1e-12));
  EXPECT_THAT(schedule.bubble_of(schedule.ranks[1]), DoubleNear(1 - 3 / 8.0, 1e-12));
  EXPECT_THAT(schedule.bubble, DoubleNear(0.5, 1e-12));
  EXPECT_EQ(schedule.ranks[0].blocks[0].start, 0) << "times count from the first action";
}

class TraceFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) const {
    std::ofstream(folder_ / "step-00000001.json") << text;
    return folder_ / "step-00000001.json";
  }
  std::string refusal(const std::string& text) const {
    try {
      (void)read_trace(write(text));
    } catch (const core::Error& error) {
      EXPECT_EQ(error.code(), core::ExitCode::usage);
      return error.what();
    }
    return "";
  }
  tests::TemporaryFolder folder_;
};

TEST_F(TraceFile, ComesBackAsItWasWritten) {
  TracedStep step{7, "NVIDIA \"H100\"", {}, {}};
  step.ranks.push_back(trace_by_hand());
  const TracedStep read =
      read_trace(write(trace_head(step) + trace_events(step.ranks[0], 0, step.dims) + trace_tail()));
  EXPECT_EQ(read.step, 7);
  EXPECT_EQ(read.device, step.device);
  ASSERT_EQ(read.ranks.size(), 1u);
  ASSERT_EQ(read.ranks[0].size(), step.ranks[0].size());
  for (std::size_t i = 0; i < read.ranks[0].size(); ++i) {
    const TracedSpan &a = step.ranks[0][i], &b = read.ranks[0][i];
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.axis, b.axis);
    EXPECT_EQ(a.stage, b.stage);
    if (a.kind == Kind::action) {
      EXPECT_EQ(str(a.action), str(b.action));
    }
    EXPECT_THAT(b.start, DoubleNear(a.start, 1e-8));
    EXPECT_THAT(b.end, DoubleNear(a.end, 1e-8));
  }
}

TEST_F(TraceFile, WhatIsNoneIsRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("is no trace of Baleen"));
  EXPECT_THAT(refusal("[]"), HasSubstr("is no trace of Baleen"));
  EXPECT_THAT(refusal("{\"traceEvents\": []}"), HasSubstr("is no trace of Baleen"));
  TracedStep step;
  step.ranks.push_back(trace_by_hand());
  const std::string good = trace_head(step) + trace_events(step.ranks[0], 0, step.dims) + trace_tail();
  EXPECT_THAT(refusal(good.substr(0, good.size() / 2)),
              testing::ContainsRegex("is no trace of Baleen: not readable JSON at line [0-9]+, byte [0-9]+$"));
  EXPECT_THAT(refusal(trace_head(step) + trace_events(step.ranks[0], 3, step.dims) + trace_tail()),
              HasSubstr("a rank that its mesh does not have"));
  TracedStep empty;
  EXPECT_THAT(refusal(trace_head(empty) + trace_tail()), HasSubstr("a rank has no step"));
  empty.dims.data_shard = 1000000;
  EXPECT_THAT(refusal(trace_head(empty) + trace_tail()), HasSubstr("ranks without events"));
  empty.dims.data_shard = 0;
  EXPECT_THAT(refusal(trace_head(empty) + trace_tail()), HasSubstr("ranks without events"));
  std::string renamed = good;
  renamed.replace(renamed.find("\"op\":\"forward\""), 14, "\"op\":\"fireward\"");
  EXPECT_THAT(refusal(renamed), HasSubstr("an action is named \"fireward\""));
}

TEST_F(TraceFile, TheNewestOneCounts) {
  EXPECT_FALSE(newest_trace(folder_.path()));
  std::filesystem::create_directory(folder_ / "trace");
  for (const int step : {9, 10, 2}) std::ofstream(folder_ / trace_name(step)) << "{}";
  std::ofstream(folder_ / "trace" / "notes.txt") << "mine";
  EXPECT_EQ(newest_trace(folder_.path())->filename(), "step-00000010.json");
}

TEST(TraceStep, AfterTheLastStepIsAMistake) {
  Config config;
  config.data.train = "random";
  config.model.kv_heads = config.model.heads;
  config.model.ffn_dim = 4 * config.model.dim;
  config.training.steps = config.metrics.trace_step = 40;
  config.lr_scheduler.warmup_steps = 0;
  EXPECT_TRUE(validate(config, 1).empty());
  config.metrics.trace_step = 41;
  const std::vector<core::Problem> problems = validate(config, 1);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text(), "metrics.trace_step is 41, but training.steps ends the run at 40");
}

TEST(PlannedReplay, TakesTheRatesOfTheDeviceOrTheMeasuredMedians) {
  Config config;
  config.model.layers = 2;
  config.model.kv_heads = config.model.heads;
  config.model.ffn_dim = 4 * config.model.dim;
  config.parallelism.pipeline = 2;
  config.parallelism.data_shard = 1;
  config.training.global_batch_size = 4;
  config.training.micro_batch_size = 1;
  TracedStep step;
  step.dims = config.dims(2);
  const ExecutionPlan plan = execution_plan(config, step.dims);
  for (int rank = 0; rank < 2; ++rank) {
    RankTrace trace;
    double now = 0;
    for (const parallel::UnitAction& planned : plan.lower(plan.training, config.model, rank)) {
      trace.push_back(action(planned.op, planned.micro_batch, now, now + 1, rank));
      trace.back().action = planned;
      now += 1;
    }
    step.ranks.push_back(trace);
  }
  const MeasuredSchedule measured = measured_schedule(step);
  const auto medians = planner::plan_traced_step(config, step, measured);
  ASSERT_TRUE(medians);
  EXPECT_THAT(medians->basis, HasSubstr("median measured times"));
  // Stage 0: an embedding and a layer with forward, backward and weight part of a second each.
  const auto& first = medians->simulation.ranks[0].blocks.front();
  EXPECT_THAT(first.end - first.start, DoubleNear(2, 1e-12));
  step.device = "NVIDIA H100 80GB HBM3";
  EXPECT_EQ(planner::plan_traced_step(config, step, measured)->basis, "rates of NVIDIA H100");
  config.training.micro_batch_size = 2;
  EXPECT_FALSE(planner::plan_traced_step(config, step, measured))
      << "another number of micro-batches is another schedule";
  config.training.micro_batch_size = 1;
  config.parallelism.pipeline = 3;
  EXPECT_FALSE(planner::plan_traced_step(config, step, measured)) << "three ranks make no mesh of two";
}

}  // namespace
}  // namespace baleen::trainer
