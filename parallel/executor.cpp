#include "parallel/executor.h"

#include <deque>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/trace.h"

namespace baleen::parallel {
namespace {

/// What the units of this rank hand to each other: activations, or their gradients, by the unit that will take them.
template <typename T>
class Flows {
 public:
  void put(int unit, int micro_batch, T flow, WorkPtr arriving = nullptr) {
    slots_[{unit, micro_batch}] = {std::move(flow), std::move(arriving)};
  }
  bool has(int unit, int micro_batch) const { return slots_.count({unit, micro_batch}) == 1; }
  T take(int unit, int micro_batch) {
    auto slot = slots_.extract({unit, micro_batch});
    core::require(!slot.empty(), "what a unit needs was made or received by an action before");
    if (slot.mapped().arriving) slot.mapped().arriving->wait();
    return std::move(slot.mapped().flow);
  }

 private:
  struct Slot {
    T flow;
    WorkPtr arriving;  // where another rank sends it
  };
  std::map<std::pair<int, int>, Slot> slots_;
};

/// Messages on their way over one edge, kSendsUnderWay at most: where the next would be one too many, the rank (on a
/// GPU: its stream, not its host) waits for the oldest. The simulator proves schedules with room for fewer.
class Sends {
 public:
  void make_room() {
    while (!under_way_.empty() && (under_way_.front()->done() || under_way_.size() >= kSendsUnderWay)) end_oldest();
  }
  void add(WorkPtr work) { under_way_.push_back(std::move(work)); }
  void finish() {
    while (!under_way_.empty()) end_oldest();
  }

 private:
  void end_oldest() {
    under_way_.front()->wait();
    under_way_.pop_front();
  }

  std::deque<WorkPtr> under_way_;
};

/// Gradient sums under way. Of units that write each micro-batch into a buffer of its own there are two buffers at
/// most: one that is written and one that is summed.
class Reductions {
 public:
  explicit Reductions(Communicator& ranks) : ranks_(ranks) {}

  void begin_gradient(Unit& unit) {
    make_room(unit);
    unit.begin_gradient();
  }
  void start(Unit& unit) {
    make_room(unit);
    unit.reduce(ranks_);
    under_way_.push_back(&unit);
  }

 private:
  void make_room(const Unit& unit) {
    if (!unit.reduces_each_micro_batch()) return;
    while (under_way_.size() > 1 || (!under_way_.empty() && under_way_.front() == &unit)) {
      under_way_.front()->finish_reduction();
      under_way_.pop_front();
    }
  }

  Communicator& ranks_;
  std::deque<Unit*> under_way_;
};

class Execution {
 public:
  Execution(Stage& stage, Mesh& mesh) : stage_(stage), mesh_(mesh), reductions_(mesh.data_shard()) {}

  void run(const UnitAction& action) {
    Unit& unit = stage_.unit(action.unit);
    if (action.writes_gradient) reductions_.begin_gradient(unit);
    run(action, unit);
    if (action.writes_gradient) unit.end_gradient();
  }
  void finish() {
    for (Sends& edge : sends_) edge.finish();
  }

 private:
  // [walkthrough: run-action]
  void run(const UnitAction& action, Unit& unit) {
    const int index = action.unit, micro_batch = action.micro_batch;
    switch (action.op) {
      case UnitOp::gather:
        return unit.gather(mesh_.gathers());
      case UnitOp::release:
        return unit.release();
      case UnitOp::forward:
        unit.await_values();
        return forward(action);
      case UnitOp::backward_input:
        unit.await_values();
        return pass_back(index, micro_batch,
                         stage_.backward_input(index, micro_batch, gradients_.take(index, micro_batch)));
      case UnitOp::backward_weight:
        return stage_.backward_weight(index, micro_batch);
      case UnitOp::reduce:
        return reductions_.start(unit);
      case UnitOp::send_forward:
        return send(Flow::forward, activations_.take(index + 1, micro_batch));
      case UnitOp::send_backward:
        return send(Flow::backward, gradients_.take(index - 1, micro_batch).value);
      case UnitOp::recv_forward:
        return receive(Flow::forward, activations_, action);
      case UnitOp::recv_backward:
        return receive(Flow::backward, gradients_, action);
    }
  }
  // [end]

  void forward(const UnitAction& action) {
    const int index = action.unit, micro_batch = action.micro_batch;
    const bool from_outside = index == 0 && !activations_.has(index, micro_batch);
    const at::Tensor x = from_outside ? stage_.input(micro_batch) : activations_.take(index, micro_batch);
    at::Tensor y = stage_.forward(index, micro_batch, x);
    if (action.writes_gradient) {
      pass_back(index, micro_batch, std::move(y));  // the head: y is the gradient of x
    } else if (y.defined()) {
      activations_.put(index + 1, micro_batch, std::move(y));
    }
  }

  void pass_back(int from, int micro_batch, Gradient gradient) {
    if (gradient.value.defined()) gradients_.put(from - 1, micro_batch, std::move(gradient));
  }

  void send(Flow flow, const at::Tensor& tensor) {
    Sends& sends = sends_[static_cast<std::size_t>(flow)];
    sends.make_room();
    sends.add(mesh_.edge(flow, /*sending=*/true).send(tensor.contiguous(), 1));
  }

  template <typename T>
  void receive(Flow flow, Flows<T>& into, const UnitAction& action) {
    at::Tensor tensor = stage_.empty_flow(action.micro_batch);
    WorkPtr arriving = mesh_.edge(flow, /*sending=*/false).recv(tensor, 0);
    into.put(action.unit, action.micro_batch, T(std::move(tensor)), std::move(arriving));
  }

  Stage& stage_;
  Mesh& mesh_;
  Flows<at::Tensor> activations_;
  Flows<Gradient> gradients_;
  Sends sends_[2];  // by Flow
  Reductions reductions_;
};

}  // namespace

void execute(const UnitSchedule& schedule, Stage& stage, Mesh& mesh) {
  Execution execution(stage, mesh);
  for (const UnitAction& action : schedule) {
    const core::TraceRange range(str(action).c_str());
    const TracedScope traced(mesh.trace(), action, stage.unit(action.unit).spec().name);
    execution.run(action);
  }
  execution.finish();
}

}  // namespace baleen::parallel
