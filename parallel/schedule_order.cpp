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
  Marks(int stages, int micro_batches) : stages_(stages), micro_batches_(micro_batches) {
    marks_.resize(3 * static_cast<std::size_t>(stages) * static_cast<std::size_t>(micro_batches));
  }
  std::vector<bool>::reference at(StageOp op, int stage, int micro_batch) {
    return marks_.at(static_cast<std::size_t>((static_cast<int>(op) * stages_ + stage) * micro_batches_ + micro_batch));
  }

 private:
  int stages_, micro_batches_;
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
    done_.emplace(stages, micro_batches);
    received_.emplace(stages, micro_batches);
    find_ranks(stages);
    for (const StageSchedule& list : lists) {
      order_.starts.emplace_back();
      order_.receives.emplace_back(list.size());
    }
    state_.resize(lists.size());
    edges_.resize(2 * lists.size() * lists.size());
  }

  StageOrder run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t rank = 0; rank < lists_.size(); ++rank)
        while (advance(rank)) moved = true;
    }
    for (std::size_t rank = 0; rank < lists_.size(); ++rank)
      core::require(order_.starts[rank].size() == lists_[rank].size() && !state_[rank].blocked,
                    "no rank of a schedule waits for what never comes");
    core::require(std::none_of(edges_.begin(), edges_.end(), [](const Edge& edge) { return edge.sent.has_value(); }),
                  "every message of a schedule is received");
    return std::move(order_);
  }

 private:
  struct Edge {
    std::optional<StageMessage> sent;
    int last_received = 0;  // time
  };
  struct State {
    int clock = 0;
    std::optional<StageMessage> blocked;  // to be sent when the message before it was received
    int destination = -1;                 // of it
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
    if (state.blocked) return send(rank);
    const std::size_t next = order_.starts[rank].size();
    if (next == lists_[rank].size()) return false;
    const StageAction& action = lists_[rank][next];
    const auto [op, stage, micro_batch] = action;
    check_order(action);
    if (const int source = order_.source(op, stage); source >= 0 && !received_->at(op, stage, micro_batch))
      return receive(rank, source, op);
    if (!local_input_ready(action)) return false;
    order_.starts[rank].push_back(state.clock++);
    done_->at(op, stage, micro_batch) = true;
    state.destination = order_.destination(op, stage);
    if (state.destination >= 0)
      state.blocked = {op, op == StageOp::forward ? stage + 1 : stage - 1, micro_batch, state.clock};
    return true;
  }

  void check_order(const StageAction& action) {
    const auto [op, stage, micro_batch] = action;
    core::require(!done_->at(op, stage, micro_batch), "a schedule repeats no action");
    if (op == StageOp::forward) return;
    const StageOp before = op == StageOp::backward_input ? StageOp::forward : StageOp::backward_input;
    core::require(done_->at(before, stage, micro_batch),
                  "a schedule runs forward, backward input, backward weight of a micro-batch in this order");
  }

  bool local_input_ready(const StageAction& action) {
    const auto [op, stage, micro_batch] = action;
    if (op == StageOp::backward_weight || order_.source(op, stage) >= 0) return true;
    const int before = op == StageOp::forward ? stage - 1 : stage + 1;
    return before < 0 || before == order_.stages() || done_->at(op, before, micro_batch);
  }

  bool receive(std::size_t rank, int source, StageOp op) {
    Edge& from = edge(op, source, static_cast<int>(rank));
    if (!from.sent) return false;
    State& state = state_[rank];
    state.clock = std::max(state.clock, from.sent->sent);
    from.last_received = state.clock;
    received_->at(op, from.sent->stage, from.sent->micro_batch) = true;
    order_.receives[rank][order_.starts[rank].size()].push_back(*from.sent);
    from.sent.reset();
    return true;
  }

  bool send(std::size_t rank) {
    State& state = state_[rank];
    Edge& to = edge(state.blocked->op, static_cast<int>(rank), state.destination);
    if (to.sent) return false;
    state.clock = std::max(state.clock, to.last_received);
    state.blocked->sent = state.clock;
    to.sent = std::exchange(state.blocked, std::nullopt);
    return true;
  }

  const std::vector<StageSchedule>& lists_;
  StageOrder order_;
  std::optional<Marks> done_, received_;
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
