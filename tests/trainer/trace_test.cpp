// A traced step of real runs: every action of the plan once and in order, and a report that shows it.

#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/report.h"
#include "tests/trainer/tiny_run.h"
#include "trainer/execution_plan.h"
#include "trainer/trace_times.h"

namespace baleen::tests {
namespace {

namespace fs = std::filesystem;
using parallel::TracedSpan;
using testing::HasSubstr;

struct Case {
  int pipeline = 1;
  const char* schedule = "1f1b";
  int virtual_stages = 1;
  int tensor = 1, shard = 1, zero = 0;
  int ranks() const { return pipeline * tensor * shard; }
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << "t" << c.tensor << "p" << c.pipeline << "s" << c.shard << "_zero" << c.zero << "_" << c.schedule;
}

trainer::Config config_of(const Case& c, const fs::path& folder) {
  trainer::Config config = tiny_config(folder, "fp64");
  config.model.layers = 4;
  config.training.steps = 3;
  config.metrics.trace_step = 2;
  config.parallelism.pipeline = c.pipeline;
  config.parallelism.schedule = c.schedule;
  config.parallelism.virtual_stages = c.virtual_stages;
  config.parallelism.tensor = c.tensor;
  config.parallelism.data_shard = c.shard;
  config.parallelism.zero_stage = c.zero;
  return config;
}

std::string text_of(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::vector<parallel::UnitAction> actions_of(const parallel::RankTrace& trace) {
  std::vector<parallel::UnitAction> actions;
  for (const TracedSpan& span : trace)
    if (span.kind == TracedSpan::Kind::action) actions.push_back(span.action);
  return actions;
}

class Traced : public testing::TestWithParam<Case> {
 protected:
  Traced() : config_(config_of(GetParam(), folder_.path())), run_(folder_ / "run") {
    outcome_ = run_with_threads(config_, GetParam().ranks(), {run_});
  }
  trainer::TracedStep step() const { return trainer::read_trace(*trainer::newest_trace(run_)); }

  const TemporaryFolder folder_;
  const trainer::Config config_;
  const fs::path run_;
  Outcome outcome_;
};

TEST_P(Traced, HasEveryActionOfThePlanOnceInOrder) {
  const trainer::TracedStep step = this->step();
  EXPECT_EQ(step.step, 2);
  const parallel::ParallelDims dims = config_.dims(GetParam().ranks());
  EXPECT_EQ(step.dims.str(), dims.str());
  const trainer::ExecutionPlan plan = trainer::execution_plan(config_, dims);
  ASSERT_EQ(step.ranks.size(), static_cast<std::size_t>(dims.world()));
  for (int rank = 0; rank < dims.world(); ++rank) {
    const int place = parallel::coordinates_of(rank, dims).pipeline;
    std::vector<std::string> planned, traced;
    for (const auto& action : plan.lower(plan.training, config_.model, place)) planned.push_back(str(action));
    for (const auto& action : actions_of(step.ranks[static_cast<std::size_t>(rank)])) traced.push_back(str(action));
    EXPECT_EQ(traced, planned) << "rank " << rank;
  }
}

TEST_P(Traced, TimesAreInsideTheStepAndActionsDoNotOverlap) {
  constexpr double kRounding = 2e-9;  // of the file
  for (const parallel::RankTrace& trace : step().ranks) {
    ASSERT_EQ(trace.front().kind, TracedSpan::Kind::step);
    EXPECT_GE(trace.front().start, 0);
    double free = 0;
    for (const TracedSpan& span : trace) {
      EXPECT_GE(span.start, trace.front().start - kRounding) << span.name;
      EXPECT_GE(span.end, span.start) << span.name;
      EXPECT_LE(span.end, trace.front().end + kRounding) << span.name;
      if (span.kind != TracedSpan::Kind::action && span.kind != TracedSpan::Kind::phase) continue;
      EXPECT_GE(span.start, free - kRounding) << span.name;
      free = span.end;
    }
  }
}

TEST_P(Traced, EveryMessageAndGatherIsAnOperationOfItsCommunicator) {
  for (const parallel::RankTrace& trace : step().ranks) {
    std::map<std::string, int> actions, operations;
    for (const TracedSpan& span : trace) {
      if (span.kind == TracedSpan::Kind::action) ++actions[span.name];
      if (span.kind == TracedSpan::Kind::operation) ++operations[span.name + " " + span.axis];
      if (span.kind == TracedSpan::Kind::operation && span.axis.ends_with("_edge")) {
        EXPECT_LT(span.end, trace.front().end) << "messages are over before the step is";
      }
    }
    EXPECT_EQ(operations["send forward_edge"], actions["send_forward"]);
    EXPECT_EQ(operations["recv forward_edge"], actions["recv_forward"]);
    EXPECT_EQ(operations["send backward_edge"], actions["send_backward"]);
    EXPECT_EQ(operations["recv backward_edge"], actions["recv_backward"]);
    EXPECT_EQ(operations["all_gather gathers"], actions["gather"]);
  }
}

/// The messages that each rank sends over an edge arrive at one other rank, in that order.
TEST_P(Traced, NoMessageArrivesBeforeItsSendBegins) {
  const trainer::TracedStep step = this->step();
  const auto messages = [&](int rank, const char* name, const char* edge) {
    std::vector<TracedSpan> found;
    for (const TracedSpan& span : step.ranks[static_cast<std::size_t>(rank)])
      if (span.kind == TracedSpan::Kind::operation && span.name == name && span.axis == edge) found.push_back(span);
    return found;
  };
  const int pipeline = step.dims.pipeline;
  for (int rank = 0; rank < step.dims.world(); ++rank) {
    for (const auto& [edge, distance] : {std::pair("forward_edge", 1), std::pair("backward_edge", pipeline - 1)}) {
      parallel::MeshCoordinates peer = parallel::coordinates_of(rank, step.dims);
      peer.pipeline = (peer.pipeline + distance) % pipeline;
      const auto sent = messages(rank, "send", edge);
      const auto received = messages(parallel::rank_of(peer, step.dims), "recv", edge);
      ASSERT_EQ(sent.size(), received.size()) << edge << " of rank " << rank;
      for (std::size_t i = 0; i < sent.size(); ++i) {
        EXPECT_GE(received[i].end, sent[i].start - 2e-9) << edge << " of rank " << rank << ", message " << i;
      }
    }
  }
}

TEST_P(Traced, AForwardBeginsAfterTheStageBeforeHasSentIt) {
  const trainer::MeasuredSchedule schedule = trainer::measured_schedule(step());
  std::map<std::pair<int, int>, double> ended;  // [stage, micro-batch]: its forward
  for (const trainer::MeasuredRank& rank : schedule.ranks)
    for (const parallel::TimedBlock& block : rank.blocks)
      if (block.kind == parallel::TimedBlock::Kind::forward) ended[{block.stage, block.micro_batch}] = block.end;
  for (const trainer::MeasuredRank& rank : schedule.ranks)
    for (const parallel::TimedBlock& block : rank.blocks)
      if (block.kind == parallel::TimedBlock::Kind::forward && block.stage > 0) {
        EXPECT_GE(block.start, ended.at({block.stage - 1, block.micro_batch}) - 1e-8);
      }
  EXPECT_GE(schedule.bubble, 0);
  EXPECT_LT(schedule.bubble, 1);
}

TEST_P(Traced, TheEventTellsWhatWasExposed) {
  const std::string events = text_of(run_ / "events.jsonl");
  ASSERT_EQ(count(events, "\"event\":\"trace\""), 1) << events;
  const std::size_t begin = events.rfind('\n', events.find("\"event\":\"trace\"")) + 1;
  const auto event = nlohmann::json::parse(events.substr(begin, events.find('\n', begin) - begin));
  EXPECT_EQ(event.at("path"), "trace/step-00000002.json");
  EXPECT_EQ(event.at("exposed_percent").size(), static_cast<std::size_t>(GetParam().ranks()));
  for (const double percent : event.at("exposed_percent")) {
    EXPECT_GE(percent, 0);
    EXPECT_LT(percent, 100);
  }
}

TEST_P(Traced, ChangesNothingInTheRun) {
  trainer::Config config = config_;
  config.metrics.trace_step = 0;
  const Outcome untraced = run_with_threads(config, GetParam().ranks(), {folder_ / "untraced"});
  EXPECT_EQ(bits(outcome_.losses), bits(untraced.losses));
  EXPECT_FALSE(fs::exists(folder_ / "untraced" / "trace"));
}

TEST_P(Traced, TheReportShowsPlannedAndMeasuredBoxes) {
  std::ofstream(run_ / "config.toml") << to_toml(config_);
  const report::Report report = report::write_report(run_);
  EXPECT_THAT(report.notes, testing::IsEmpty());
  const std::string page = text_of(report.path);
  EXPECT_THAT(page, HasSubstr("<h2>Step 2, traced</h2>"));
  EXPECT_THAT(page, HasSubstr("Where the time went"));
  const Case& c = GetParam();
  const int micro_batches = 8 / c.shard, stages = c.pipeline * c.virtual_stages;
  const bool piped = c.pipeline > 1;
  EXPECT_EQ(count(page, "<title>forward, stage"), piped ? 2 * stages * micro_batches : 0);
  EXPECT_EQ(count(page, ">planned: "), piped ? 1 : 0);
  EXPECT_EQ(count(page, ">measured: "), piped ? 1 : 0);
  EXPECT_EQ(count(page, ">bubble "), piped ? 2 * c.pipeline : 0);
  if (std::string(c.schedule) == "zero_bubble") {
    EXPECT_THAT(page, HasSubstr("<title>backward, weights, stage"));
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, Traced,
                         testing::Values(Case{}, Case{.pipeline = 2}, Case{.pipeline = 4},
                                         Case{.pipeline = 4, .schedule = "zero_bubble"},
                                         Case{.pipeline = 2, .schedule = "interleaved", .virtual_stages = 2},
                                         Case{.pipeline = 4, .shard = 2},
                                         Case{.pipeline = 2, .tensor = 2, .shard = 2, .zero = 3}));

TEST(Trace, ThatCannotBeWrittenDoesNotEndTheTraining) {
  const TemporaryFolder folder;
  const trainer::Config config = config_of({.shard = 2}, folder.path());
  fs::create_directory(folder / "run");
  std::ofstream(folder / "run" / "metrics.jsonl");  // so that it counts as a run's
  std::ofstream(folder / "run" / "trace") << "where the folder should be";
  testing::internal::CaptureStderr();
  const Outcome outcome = run_with_threads(config, 2, {folder / "run"});
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("step 2: traced, but the training goes on without the trace: cannot"));
  EXPECT_EQ(outcome.code, core::ExitCode::ok);
  EXPECT_EQ(outcome.losses.size(), 3u);
}

TEST(Trace, OfAnAbandonedHistoryGoesWithItsSteps) {
  const TemporaryFolder folder;
  trainer::Config config = config_of({}, folder.path());
  config.checkpoint.every = 1;
  const fs::path run = folder / "run";
  for (const std::int64_t step : {1, 3}) {
    config.metrics.trace_step = step;
    run_with_threads(config, 1, {run, step == 1 ? std::nullopt : std::optional(run / "checkpoints/step-00000002")});
  }
  ASSERT_EQ(trainer::traces(run).size(), 2u);
  std::ofstream(run / "trace/step-3-notes.json") << "mine";
  config.metrics.trace_step = 0;
  run_with_threads(config, 1, {run, run / "checkpoints/step-00000002"});
  EXPECT_EQ(trainer::newest_trace(run), run / trainer::trace_name(1));
  EXPECT_TRUE(fs::exists(run / "trace/step-3-notes.json"));
}

TEST(Trace, OfAStepThatIsPastIsWarnedOfWhereThereIsNone) {
  const TemporaryFolder folder;
  trainer::Config config = config_of({}, folder.path());
  config.checkpoint.every = 1;
  config.metrics.trace_step = 0;
  const auto warning_of = [&](std::optional<fs::path> resume) {
    testing::internal::CaptureStderr();
    run_with_threads(config, 1, {folder / "run", std::move(resume)});
    return testing::internal::GetCapturedStderr();
  };
  const auto traces_nothing = HasSubstr("traces nothing");
  EXPECT_THAT(warning_of({}), Not(traces_nothing));
  const fs::path second = folder / "run/checkpoints/step-00000002";
  EXPECT_THAT(warning_of(second), Not(traces_nothing));
  config.metrics.trace_step = 3;
  EXPECT_THAT(warning_of(second), Not(traces_nothing));
  config.metrics.trace_step = 2;
  EXPECT_THAT(warning_of(second), HasSubstr("metrics.trace_step = 2 traces nothing: 2 steps are done already"));
  std::ofstream(folder / "run" / trainer::trace_name(2)) << "{}";
  EXPECT_THAT(warning_of(second), Not(traces_nothing));
}

TEST(Trace, AReportUnderAnotherLayoutShowsTheMeasuredScheduleAlone) {
  const TemporaryFolder folder;
  trainer::Config config = config_of({.pipeline = 2}, folder.path());
  run_with_threads(config, 2, {folder / "run"});
  config.parallelism.schedule = "gpipe";
  std::ofstream(folder / "run" / "config.toml") << to_toml(config);
  const report::Report report = report::write_report(folder / "run");
  EXPECT_THAT(report.notes, testing::ElementsAre(HasSubstr("another layout than the traced step ran")));
  const std::string page = text_of(report.path);
  EXPECT_EQ(count(page, ">planned: "), 0);
  EXPECT_EQ(count(page, ">measured: "), 1);
}

}  // namespace
}  // namespace baleen::tests
