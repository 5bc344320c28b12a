#include "parallel/simulator.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "tests/parallel/pipeline_case.h"

namespace baleen::parallel {
namespace {

using testing::HasSubstr;

std::string fault(const std::vector<SimulatedRank>& ranks, const PipelineCase& c) {
  try {
    prove(ranks, c.simulation());
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::internal);
    return error.what();
  }
  return "";
}

bool receives(const UnitAction& action) {
  return action.op == UnitOp::recv_forward || action.op == UnitOp::recv_backward;
}

/// Where the n-th such action stands.
std::size_t find(const UnitSchedule& schedule, UnitOp op, int unit, int micro_batch) {
  for (std::size_t i = 0; i < schedule.size(); ++i)
    if (schedule[i].op == op && schedule[i].unit == unit && schedule[i].micro_batch == micro_batch) return i;
  ADD_FAILURE() << "no such action";
  return 0;
}

void move(UnitSchedule& schedule, std::size_t from, std::size_t to) {
  const UnitAction action = schedule[from];
  schedule.erase(schedule.begin() + static_cast<std::ptrdiff_t>(from));
  schedule.insert(schedule.begin() + static_cast<std::ptrdiff_t>(to), action);
}

const std::vector<PipelineCase> kCases = {
    {.schedule = "1f1b", .shape = {3, 1, 4}, .options = {.gathers = true}},
    {.schedule = "interleaved", .shape = {2, 2, 4}, .options = {.reduce_each_micro_batch = true, .gathers = true}},
    {.schedule = "zero_bubble", .shape = {3, 1, 5}, .options = {.gathers = true, .regather = Regather::step}},
    {.schedule = "gpipe", .shape = {2, 1, 3}, .options = {.reduce_each_micro_batch = true}},
    {.schedule = "forward", .shape = {2, 2, 3}, .options = {.gathers = true}},
};

TEST(Simulator, AnyActionLeftOutIsFound) {
  for (const PipelineCase& c : kCases) {
    const std::vector<SimulatedRank> whole = lower_all(c);
    ASSERT_EQ(fault(whole, c), "");
    for (std::size_t rank = 0; rank < whole.size(); ++rank)
      for (std::size_t i = 0; i < whole[rank].schedule.size(); ++i) {
        std::vector<SimulatedRank> broken = whole;
        broken[rank].schedule.erase(broken[rank].schedule.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_NE(fault(broken, c), "") << c.schedule << " rank " << rank << " without "
                                        << str(whole[rank].schedule[i]);
      }
  }
}

TEST(Simulator, AnyActionTwiceIsFound) {
  for (const PipelineCase& c : kCases) {
    const std::vector<SimulatedRank> whole = lower_all(c);
    for (std::size_t rank = 0; rank < whole.size(); ++rank)
      for (std::size_t i = 0; i < whole[rank].schedule.size(); ++i) {
        std::vector<SimulatedRank> broken = whole;
        broken[rank].schedule.push_back(whole[rank].schedule[i]);
        EXPECT_NE(fault(broken, c), "") << c.schedule << " rank " << rank << " twice " << str(whole[rank].schedule[i]);
      }
  }
}

TEST(Simulator, ReceivesInAnotherOrderThanTheSendsAreFound) {
  for (const PipelineCase& c : kCases)
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(c.shape.ranks); ++rank) {
      std::vector<SimulatedRank> ranks = lower_all(c);
      UnitSchedule& schedule = ranks[rank].schedule;
      for (std::size_t i = 0; i < schedule.size(); ++i) {
        if (!receives(schedule[i])) continue;
        const auto next =
            std::find_if(schedule.begin() + static_cast<std::ptrdiff_t>(i) + 1, schedule.end(),
                         [&](const UnitAction& a) { return a.op == schedule[i].op && a.peer == schedule[i].peer; });
        if (next == schedule.end()) continue;
        std::swap(schedule[i], *next);
        EXPECT_NE(fault(ranks, c), "") << c.schedule << " rank " << rank;
        std::swap(schedule[i], *next);
      }
    }
}

// The consumers of both do not stand between them, so only the order on the edge is wrong.
TEST(Simulator, NamesTheEdgeWhoseOrderIsWrong) {
  const PipelineCase c{.shape = {2, 1, 3}};
  std::vector<SimulatedRank> ranks = lower_all(c);
  UnitSchedule& schedule = ranks[1].schedule;
  move(schedule, find(schedule, UnitOp::recv_forward, 0, 1), 0);
  EXPECT_THAT(fault(ranks, c), HasSubstr("message 0 from rank 0 to rank 1"));
}

TEST(Simulator, ACyclicWaitIsFound) {
  const PipelineCase c{.shape = {2, 1, 2}};
  std::vector<SimulatedRank> ranks = lower_all(c);
  UnitSchedule& schedule = ranks[0].schedule;
  move(schedule, find(schedule, UnitOp::recv_backward, 1, 0), 0);  // rank 1 can't have it: it has no activations yet
  EXPECT_THAT(fault(ranks, c),
              HasSubstr("deadlock, rank 0 at \"recv_backward unit 1 micro-batch 0 rank 1\", rank 1 at \"recv_forward"));
}

// Rank 0 wants to send all activations before it takes a gradient, rank 1 gives a gradient after each of them. Four
// need more room on the edges than one message.
TEST(Simulator, ASendThatFindsNoRoomIsADeadlock) {
  for (const int micro_batches : {3, 4}) {
    const PipelineCase c{.schedule = "1f1b", .shape = {2, 1, micro_batches}};
    std::vector<SimulatedRank> ranks = lower_all(c);
    ranks[0] = lower_all({.schedule = "gpipe", .shape = c.shape})[0];
    EXPECT_THAT(fault(ranks, c), HasSubstr(micro_batches == 3 ? "" : "deadlock, rank 0 at \"send_forward"));
    EXPECT_EQ(fault(ranks, c).empty(), micro_batches == 3);
  }
}

struct Planted {
  const char* what;
  void (*plant)(UnitSchedule&);  // in rank 1's list of kFaulty
  const char* named;
};
/// Rank 1 of three: one layer between two others.
const PipelineCase kFaulty{.shape = {3, 1, 3}, .options = {.gathers = true, .prefetch = false}, .layers = 2};

TEST(Simulator, NamesPlantedFaults) {
  const Planted faults[] = {
      {"peer", [](UnitSchedule& s) { s[find(s, UnitOp::send_forward, 1, 0)].peer = 0; },
       "does not hold the other stage"},
      {"flag", [](UnitSchedule& s) { s[find(s, UnitOp::backward_weight, 0, 0)].writes_gradient = false; },
       "writing a gradient"},
      {"gathered late", [](UnitSchedule& s) { move(s, find(s, UnitOp::gather, 1, 0), find(s, UnitOp::forward, 1, 0)); },
       "values are not gathered"},
      {"reduced early",
       [](UnitSchedule& s) { move(s, find(s, UnitOp::reduce, 1, 2), find(s, UnitOp::backward_weight, 1, 2)); },
       "gradient that it should reduce"},
      {"weight first",
       [](UnitSchedule& s) { move(s, find(s, UnitOp::backward_weight, 1, 0), find(s, UnitOp::backward_input, 1, 0)); },
       "before its backward_input"},
      {"descending",
       [](UnitSchedule& s) {
         std::swap(s[find(s, UnitOp::backward_weight, 1, 1)].micro_batch,
                   s[find(s, UnitOp::backward_weight, 1, 2)].micro_batch);
       },
       "before its backward_input"},
      {"sent early", [](UnitSchedule& s) { move(s, find(s, UnitOp::send_forward, 1, 0), 0); }, "before what it sends"},
      {"not received",
       [](UnitSchedule& s) { move(s, find(s, UnitOp::recv_forward, 0, 0), find(s, UnitOp::forward, 0, 0)); },
       "was not received"},
      {"unknown",
       [](UnitSchedule& s) {
         s.push_back({UnitOp::forward, 5, 0});
       },
       "names no unit"},
  };
  const std::vector<SimulatedRank> whole = lower_all(kFaulty);
  ASSERT_EQ(fault(whole, kFaulty), "");
  for (const Planted& planted : faults) {
    std::vector<SimulatedRank> broken = whole;
    planted.plant(broken[1].schedule);
    EXPECT_THAT(fault(broken, kFaulty), HasSubstr(planted.named)) << planted.what;
  }
}

TEST(Simulator, WeightPartsOutOfOrderAreFound) {
  const PipelineCase c{.schedule = "zero_bubble", .shape = {3, 1, 5}};
  std::vector<SimulatedRank> ranks = lower_all(c);
  UnitSchedule& schedule = ranks[2].schedule;  // {layer, head}: its last three weight parts stand at the end
  std::swap(schedule[find(schedule, UnitOp::backward_weight, 0, 3)].micro_batch,
            schedule[find(schedule, UnitOp::backward_weight, 0, 4)].micro_batch);
  EXPECT_THAT(fault(ranks, c), HasSubstr("ascending order"));
}

TEST(Simulator, AThirdGatheredUnitIsFound) {
  const PipelineCase c{.shape = {1, 1, 1}, .options = {.gathers = true}, .layers = 3};
  std::vector<SimulatedRank> ranks = lower_all(c);
  UnitSchedule& schedule = ranks[0].schedule;
  move(schedule, find(schedule, UnitOp::gather, 3, 0), 2);
  EXPECT_THAT(fault(ranks, c), HasSubstr("more than two units"));
}

TEST(Simulator, MessagesTakeTimeOnTheirEdge) {
  const PipelineCase c{.shape = {2, 1, 1}, .message = 0.25};
  const Simulation simulation = simulate(c);
  // Two forwards, then an input part, and the whole backward of rank 0 while rank 1 does its weight part.
  EXPECT_NEAR(simulation.makespan, 5 + 2 * 0.25, 1e-9);
  EXPECT_NEAR(simulation.ranks[0].bubble, 2.5 / 5.5, 1e-9);
}

// Rank 1 asks for all three at once; each takes two forwards.
TEST(Simulator, MessagesOfAnEdgeQueue) {
  const PipelineCase c{.schedule = "gpipe", .shape = {2, 1, 3}, .message = 2};
  std::vector<SimulatedRank> ranks = lower_all(c);
  UnitSchedule& schedule = ranks[1].schedule;
  for (const int m : {1, 2}) move(schedule, find(schedule, UnitOp::recv_forward, 0, m), static_cast<std::size_t>(m));
  const std::vector<TimedBlock> blocks = simulate(ranks, c.simulation()).ranks[1].blocks;
  for (const int m : {0, 1, 2}) EXPECT_NEAR(blocks[static_cast<std::size_t>(m)].start, 3 + 2 * m, 1e-9);
}

TEST(Simulator, ReductionsRunBesideAndAreWaitedForAtTheEnd) {
  // The layer's runs beside the embedding's backward (which costs nothing), then the embedding's.
  const PipelineCase c{.shape = {1, 1, 1}, .reduce = 0.5};
  EXPECT_NEAR(simulate(c).makespan, 3 + 2 * 0.5, 1e-9) << "the head's reduction hides behind the layer";
}

TEST(Simulator, CountsWhatEachRankKeeps) {
  const PipelineCase c{.shape = {3, 1, 8}, .options = {.gathers = true}, .layers = 2};
  const Simulation simulation = simulate(c);
  for (int rank = 0; rank < 3; ++rank) {
    const RankTimeline& timeline = simulation.ranks[static_cast<std::size_t>(rank)];
    EXPECT_EQ(timeline.peak_micro_batches, 3 - rank);
    // Two layers of each micro-batch, and while the last layer's input part runs, its operands.
    EXPECT_EQ(timeline.peak_activation_bytes, (3 - rank) * 2 * 10 + 4);
    EXPECT_EQ(timeline.peak_gathered_bytes, 200);
  }
}

TEST(Simulator, BlocksJoinTheUnitsOfAStage) {
  const PipelineCase c{.schedule = "zero_bubble", .shape = {2, 1, 2}, .layers = 3};
  const Simulation simulation = simulate(c);
  const std::vector<TimedBlock>& blocks = simulation.ranks[1].blocks;
  using Kind = TimedBlock::Kind;
  const Kind kinds[] = {Kind::forward,        Kind::backward_input,  Kind::forward,
                        Kind::backward_input, Kind::backward_weight, Kind::backward_weight};
  const int micro_batches[] = {0, 0, 1, 1, 0, 1};
  ASSERT_EQ(blocks.size(), 6U);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].kind, kinds[i]);
    EXPECT_EQ(blocks[i].stage, 1);
    EXPECT_EQ(blocks[i].micro_batch, micro_batches[i]);
    EXPECT_NEAR(blocks[i].start, 1.0 + static_cast<double>(i), 1e-9);
    EXPECT_NEAR(blocks[i].end, 2.0 + static_cast<double>(i), 1e-9);
  }
}

TEST(Simulator, DrawsRanksOverTime) {
  EXPECT_EQ(draw(simulate(PipelineCase{.shape = {2, 1, 3}}), 80),
            "rank 0   F0-F1-...B0----F2-B1----...B2----\n"
            "rank 1   ...F0-B0----F1-B1----F2-B2----...\n");
  EXPECT_EQ(draw(simulate(PipelineCase{.schedule = "zero_bubble", .shape = {2, 1, 3}}), 80),
            "rank 0   F0-F1-...B0----F2-B1----B2----\n"
            "rank 1   ...F0-B0-F1-B1-W0-F2-B2-W1-W2-\n");
  EXPECT_EQ(draw(simulate(PipelineCase{.schedule = "interleaved", .shape = {2, 2, 2}}), 80),
            "rank 0   F0-F1-f0-f1-...b0----...b1----B0----B1----\n"
            "rank 1   ...F0-F1-f0-b0----f1-b1----B0----B1----...\n");
}

TEST(Simulator, DrawsInTheColumnsThatThereAre) {
  const std::string chart = draw(simulate(PipelineCase{.shape = {4, 1, 20}}), 60);
  std::size_t longest = 0, begin = 0;
  for (std::size_t end = chart.find('\n'); end != std::string::npos; begin = end + 1, end = chart.find('\n', begin))
    longest = std::max(longest, end - begin);
  EXPECT_LE(longest, 60U);
  EXPECT_GE(longest, 58U);
}

}  // namespace
}  // namespace baleen::parallel
