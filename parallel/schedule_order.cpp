#include "parallel/schedule_order.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"

namespace baleen::parallel {
namespace {

/// Which (op, stage, micro-batch) are there.
class Marks {
 public:
  Marks() = default;
  Marks(int stages, int micro_batches) : stages_(stages), micro_batches_(micro_batches) {
    marks_.resize(3 * static_cast<std::size_t>(stages) * static_cast<std::size_t>(micro_batches));
  }
  std::vector<bool>::reference at(StageOp op, int stage, int micro_batch) {
    return marks_.at(static_cast<std::size_t>((static_cast<int>(op) * stages_ + stage) * micro_batches_ + micro_batch));
  }

 private:
  int stages_ = 0, micro_batches_ = 0;
  std::vector<bool> marks_;
};

class Run {
 public:
  explicit Run(const std::vector<StageSchedule>& lists) : lists_(lists) {
    int stages = 0, micro_batches = 0;
    for (const StageSchedule& list : lists)
      for (const StageAction& action : list) {
        core::require(action.stage >= 0 && action.micro_batch >= 0, "stages and micro-batches count from zero");
        stages = std::max(stages, action.stage + 1);
        micro_batches = std::max(micro_batches, action.micro_batch + 1);
      }
    done_ = Marks(stages, micro_batches);
    received_ = Marks(stages, micro_batches);
    find_ranks(stages);
    for (const StageSchedule& list : lists) order_.receives.emplace_back(list.size());
    state_.resize(lists.size());
    edges_.resize(2 * lists.size() * lists.size());
  }

  StageOrder run() {
    do {
      for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t rank = 0; rank < lists_.size(); ++rank)
          while (advance(rank)) moved = true;
      }
    } while (break_circle());
    for (std::size_t rank = 0; rank < lists_.size(); ++rank)
      core::require(state_[rank].next == lists_[rank].size() && !state_[rank].outgoing,
                    "no rank of a schedule waits for what never comes");
    core::require(std::none_of(edges_.begin(), edges_.end(), [](const auto& message) { return message.has_value(); }),
                  "every message of a schedule is received");
    return std::move(order_);
  }

 private:
  using Edge = std::optional<StageMessage>;  // sent, not received
  struct State {
    std::size_t next = 0;                  // action
    std::optional<StageMessage> outgoing;  // made, not sent: the edge has no room
    int destination = -1;                  // of it
    int waits_for = -1;                    // rank
    bool waits_ahead = false;              // for a message of the action behind the next
    std::size_t not_ahead = 0;             // the action whose messages are received right before it
  };

  void find_ranks(int stages) {
    order_.ranks.assign(static_cast<std::size_t>(stages), -1);
    for (std::size_t rank = 0; rank < lists_.size(); ++rank)
      for (const StageAction& action : lists_[rank]) {
        int& holder = order_.ranks[static_cast<std::size_t>(action.stage)];
        core::require(holder == -1 || holder == static_cast<int>(rank), "a stage lives on one rank");
        holder = static_cast<int>(rank);
      }
    core::require(std::count(order_.ranks.begin(), order_.ranks.end(), -1) == 0, "a schedule leaves out no stage");
  }

  Edge& edge(StageOp op, int source, int destination) {
    const auto ranks = lists_.size();
    const std::size_t direction = op == StageOp::forward ? 0 : 1;
    return edges_[(direction * ranks + static_cast<std::size_t>(source)) * ranks +
                  static_cast<std::size_t>(destination)];
  }

  /// Runs the next action of a rank or a part of it; false where it must wait or is at its end.
  bool advance(std::size_t rank) {
    State& state = state_[rank];
    if (state.outgoing) return send(rank);
    const StageSchedule& list = lists_[rank];
    if (state.next == list.size()) return wait(state, -1, false);
    const StageAction& action = list[state.next];
    check_order(action);
    if (needs_message(action)) return receive(rank, state.next);
    if (!local_input_ready(action)) return wait(state, static_cast<int>(rank), false);
    const std::size_t behind = state.next + 1;
    if (behind < list.size() && state.not_ahead != behind && needs_message(list[behind])) return receive(rank, behind);
    const auto [op, stage, micro_batch] = action;
    done_.at(op, stage, micro_batch) = true;
    ++state.next;
    state.destination = order_.destination(op, stage);
    if (state.destination >= 0) state.outgoing = {op, op == StageOp::forward ? stage + 1 : stage - 1, micro_batch};
    return true;
  }

  static bool wait(State& state, int rank, bool ahead) {
    state.waits_for = rank;
    state.waits_ahead = ahead;
    return false;
  }

  /// When nobody moves: lets one of the ranks that wait for each other in a circle take its message later. False where
  /// there is none that can.
  bool break_circle() {
    for (std::size_t start = 0; start < state_.size(); ++start) {
      int rank = static_cast<int>(start);
      for (std::size_t steps = 0; steps < state_.size() && rank >= 0; ++steps) rank = at(rank).waits_for;
      if (rank < 0) continue;
      const int first = rank;  // on the circle that the walk from `start` ends in
      do {
        if (at(rank).waits_ahead) {
          at(rank).not_ahead = at(rank).next + 1;
          return true;
        }
        rank = at(rank).waits_for;
      } while (rank != first);
    }
    return false;
  }
  State& at(int rank) { return state_[static_cast<std::size_t>(rank)]; }

  void check_order(const StageAction& action) {
    const auto [op, stage, micro_batch] = action;
    core::require(!done_.at(op, stage, micro_batch), "a schedule repeats no action");
    if (op == StageOp::forward) return;
    const StageOp before = op == StageOp::backward_input ? StageOp::forward : StageOp::backward_input;
    core::require(done_.at(before, stage, micro_batch),
                  "a schedule runs forward, backward input, backward weight of a micro-batch in this order");
  }

  bool local_input_ready(const StageAction& action) {
    const auto [op, stage, micro_batch] = action;
    if (op == StageOp::backward_weight || order_.source(op, stage) >= 0) return true;
    const int before = op == StageOp::forward ? stage - 1 : stage + 1;
    return before < 0 || before == order_.stages() || done_.at(op, before, micro_batch);
  }

  bool needs_message(const StageAction& action) {
    return order_.source(action.op, action.stage) >= 0 && !received_.at(action.op, action.stage, action.micro_batch);
  }

  /// The next message on the edge that lists_[rank][consumer] needs one from.
  bool receive(std::size_t rank, std::size_t consumer) {
    const StageAction& action = lists_[rank][consumer];
    const int source = order_.source(action.op, action.stage);
    State& state = state_[rank];
    const bool ahead = consumer != state.next;
    Edge& from = edge(action.op, source, static_cast<int>(rank));
    if (!from) return wait(state, source, ahead);
    received_.at(action.op, from->stage, from->micro_batch) = true;
    from->ahead = ahead;
    order_.receives[rank][consumer].push_back(*std::exchange(from, std::nullopt));
    return true;
  }

  bool send(std::size_t rank) {
    State& state = state_[rank];
    Edge& to = edge(state.outgoing->op, static_cast<int>(rank), state.destination);
    if (to) return wait(state, state.destination, false);
    to = std::exchange(state.outgoing, std::nullopt);
    return true;
  }

  const std::vector<StageSchedule>& lists_;
  StageOrder order_;
  Marks done_, received_;
  std::vector<State> state_;
  std::vector<Edge> edges_;
};

}  // namespace

int StageOrder::other_rank(int stage, int step, StageOp op) const {
  const int other = stage + step;
  if (op == StageOp::backward_weight || other < 0 || other >= stages()) return -1;
  const int rank = ranks[static_cast<std::size_t>(other)];
  return rank == ranks[static_cast<std::size_t>(stage)] ? -1 : rank;
}

StageOrder order_stages(const std::vector<StageSchedule>& schedules) {
  return Run(schedules).run();
}

}  // namespace baleen::parallel
