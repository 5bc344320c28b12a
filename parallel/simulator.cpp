#include "parallel/simulator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "parallel/schedule_edges.h"
#include "parallel/schedule_proof.h"

namespace baleen::parallel {
namespace {

/// What one rank keeps, action by action.
class Memory {
 public:
  Memory(const SimulatedRank& rank, bool trains, RankTimeline& timeline)
      : rank_(rank), trains_(trains), timeline_(timeline) {}

  void note(const UnitAction& action) {
    const UnitCosts& costs = rank_.costs[static_cast<std::size_t>(action.unit)];
    const UnitTraits& traits = rank_.units[static_cast<std::size_t>(action.unit)];
    const bool first = action.unit == 0 || rank_.units[static_cast<std::size_t>(action.unit) - 1].stage != traits.stage;
    switch (action.op) {
      case UnitOp::gather:
        gathered_ += costs.gathered_bytes;
        break;
      case UnitOp::release:
        gathered_ -= costs.gathered_bytes;
        break;
      case UnitOp::forward:
        bytes_ += costs.activation_bytes;
        if (trains_) live_ += first ? 1 : 0;
        peak();
        if (!trains_ || traits.backward_in_forward) bytes_ -= costs.activation_bytes;
        if (trains_ && first && traits.backward_in_forward) --live_;
        break;
      case UnitOp::backward_input:
        bytes_ += costs.operand_bytes;
        peak();
        bytes_ -= costs.activation_bytes;
        break;
      case UnitOp::backward_weight:
        bytes_ -= costs.operand_bytes;
        live_ -= first ? 1 : 0;
        break;
      default:
        break;
    }
    peak();
  }

 private:
  void peak() {
    timeline_.peak_micro_batches = std::max(timeline_.peak_micro_batches, live_);
    timeline_.peak_activation_bytes = std::max(timeline_.peak_activation_bytes, bytes_);
    timeline_.peak_gathered_bytes = std::max(timeline_.peak_gathered_bytes, gathered_);
  }

  const SimulatedRank& rank_;
  const bool trains_;
  RankTimeline& timeline_;
  int live_ = 0;
  std::int64_t bytes_ = 0, gathered_ = 0;
};

/// Times at which the ends of an edge's messages were posted.
struct Edge {
  std::vector<double> sent, received, arrived;

  /// When message k is there; nothing while one end is missing.
  std::optional<double> arrival(std::size_t k, double cost) {
    while (arrived.size() <= k) {
      const std::size_t next = arrived.size();
      if (next >= sent.size() || next >= received.size()) return std::nullopt;
      const double free = next == 0 ? 0 : arrived.back();
      arrived.push_back(std::max({sent[next], received[next], free}) + cost);
    }
    return arrived[k];
  }
};

/// Runs the lists; each action is placed in time as soon as what it waits for is.
class Timing {
 public:
  Timing(const std::vector<SimulatedRank>& ranks, const SimulationOptions& options)
      : ranks_(ranks), options_(options), edges_(edge_count(ranks.size())) {
    result_.ranks.resize(ranks.size());
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      state_.emplace_back(ranks[r].units.size());
      memory_.emplace_back(ranks[r], options.trains, result_.ranks[r]);
    }
  }

  Simulation run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t r = 0; r < ranks_.size(); ++r)
        while (advance(r)) moved = true;
    }
    for (std::size_t r = 0; r < ranks_.size(); ++r) {
      core::require(result_.ranks[r].actions.size() == ranks_[r].schedule.size(), "a proven schedule runs to its end");
      result_.makespan = std::max({result_.makespan, state_[r].clock, state_[r].reduced});
    }
    for (Edge& edge : edges_)
      if (!edge.sent.empty())
        result_.makespan = std::max(result_.makespan, edge.arrival(edge.sent.size() - 1, options_.message).value());
    for (RankTimeline& rank : result_.ranks) {
      rank.bubble = 1 - rank.busy / result_.makespan;
      result_.bubble += rank.bubble / static_cast<double>(ranks_.size());
    }
    return std::move(result_);
  }

 private:
  struct Awaited {
    UnitAction receive;
    std::size_t edge, index;
  };
  struct Rank {
    explicit Rank(std::size_t units) : whole(units) {}
    double clock = 0;                  // of compute
    double gathered = 0, reduced = 0;  // until then their streams are busy
    std::vector<double> whole;         // [unit]: when its values are there
    std::vector<Awaited> awaited;      // received, not consumed
  };
  using Span = std::pair<double, double>;

  bool advance(std::size_t r) {
    RankTimeline& timeline = result_.ranks[r];
    if (timeline.actions.size() == ranks_[r].schedule.size()) return false;
    const UnitAction& action = ranks_[r].schedule[timeline.actions.size()];
    const std::optional<Span> span = place(r, action);
    if (!span) return false;
    timeline.actions.push_back({action, span->first, span->second});
    memory_[r].note(action);
    return true;
  }

  std::optional<Span> place(std::size_t r, const UnitAction& action) {
    Rank& rank = state_[r];
    const UnitCosts& costs = ranks_[r].costs[static_cast<std::size_t>(action.unit)];
    switch (action.op) {
      case UnitOp::gather: {
        const Span span = beside(rank.clock, rank.gathered, costs.gather);
        rank.whole[static_cast<std::size_t>(action.unit)] = span.second;
        return span;
      }
      case UnitOp::reduce:
        return beside(rank.clock, rank.reduced, costs.reduce);
      case UnitOp::forward:
        return compute(r, action, costs.forward, true);
      case UnitOp::backward_input:
        return compute(r, action, costs.backward_input,
                       ranks_[r].units[static_cast<std::size_t>(action.unit)].backward_needs_values);
      case UnitOp::backward_weight:
        return compute(r, action, costs.backward_weight, false);
      case UnitOp::release:
        return Span(rank.clock, rank.clock);
      default:
        return post(r, action);
    }
  }

  /// On a stream of its own, busy until `free`.
  static Span beside(double clock, double& free, double cost) {
    const double start = std::max(clock, free);
    free = start + cost;
    return {start, free};
  }

  Span post(std::size_t r, const UnitAction& message) {
    const double now = state_[r].clock;
    const std::size_t edge = edge_of(message, r, ranks_.size());
    if (is_receive(message.op)) state_[r].awaited.push_back({message, edge, edges_[edge].received.size()});
    (is_send(message.op) ? edges_[edge].sent : edges_[edge].received).push_back(now);
    return {now, now};
  }

  std::optional<Span> compute(std::size_t r, const UnitAction& action, double cost, bool reads_values) {
    Rank& rank = state_[r];
    const auto needed = std::find_if(rank.awaited.begin(), rank.awaited.end(), [&](const Awaited& awaited) {
      const UnitOp consumer = awaited.receive.op == UnitOp::recv_forward ? UnitOp::forward : UnitOp::backward_input;
      return consumer == action.op && awaited.receive.unit == action.unit &&
             awaited.receive.micro_batch == action.micro_batch;
    });
    double start = rank.clock;
    if (needed != rank.awaited.end()) {
      const std::optional<double> arrival = edges_[needed->edge].arrival(needed->index, options_.message);
      if (!arrival) return std::nullopt;
      start = std::max(start, *arrival);
      rank.awaited.erase(needed);
    }
    if (reads_values) start = std::max(start, rank.whole[static_cast<std::size_t>(action.unit)]);
    rank.clock = start + cost;
    result_.ranks[r].busy += cost;
    return Span(start, rank.clock);
  }

  const std::vector<SimulatedRank>& ranks_;
  const SimulationOptions& options_;
  std::vector<Edge> edges_;
  std::vector<Rank> state_;
  std::vector<Memory> memory_;
  Simulation result_;
};

}  // namespace

std::vector<TimedBlock> join_blocks(const std::vector<TimedAction>& actions, const std::vector<UnitTraits>& units) {
  using Kind = TimedBlock::Kind;
  std::vector<TimedBlock> joined;
  for (const auto& [action, start, end] : actions) {
    Kind kind = Kind::forward;
    if (action.op == UnitOp::backward_input) {
      kind = Kind::backward_input;
    } else if (action.op == UnitOp::backward_weight) {
      kind = Kind::backward_weight;
    } else if (action.op != UnitOp::forward) {
      continue;
    }
    const int stage = units[static_cast<std::size_t>(action.unit)].stage;
    const bool same = !joined.empty() && joined.back().stage == stage &&
                      joined.back().micro_batch == action.micro_batch &&
                      (joined.back().kind == Kind::forward) == (kind == Kind::forward);
    if (!same) {
      joined.push_back({kind, stage, action.micro_batch, start, end});
      continue;
    }
    if (joined.back().kind != kind) joined.back().kind = Kind::backward;
    joined.back().end = end;
  }
  return joined;
}

void prove(const std::vector<SimulatedRank>& ranks, const SimulationOptions& options) {
  const std::vector<int> stage_ranks = ranks_of_stages(ranks);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    prove_rank(ranks[rank], static_cast<int>(rank), stage_ranks, options);
  prove_edges(ranks);
  prove_no_deadlock(ranks);
}

Simulation simulate(const std::vector<SimulatedRank>& ranks, const SimulationOptions& options) {
  prove(ranks, options);
  for (const SimulatedRank& rank : ranks)
    core::require(rank.costs.size() == rank.units.size(), "every unit has its costs");
  Simulation simulation = Timing(ranks, options).run();
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    simulation.ranks[rank].blocks = join_blocks(simulation.ranks[rank].actions, ranks[rank].units);
  return simulation;
}

}  // namespace baleen::parallel
