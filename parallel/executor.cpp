#include "parallel/executor.h"

#include <utility>
#include <vector>

#include "core/error.h"
#include "core/trace.h"

namespace baleen::parallel {
namespace {

/// What flows between the units of this rank: one slot per micro-batch.
class Flow {
 public:
  void put(int micro_batch, at::Tensor tensor) {
    const auto slot = static_cast<std::size_t>(micro_batch);
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    slots_[slot] = std::move(tensor);
  }
  at::Tensor take(int micro_batch) {
    const auto slot = static_cast<std::size_t>(micro_batch);
    core::require(slot < slots_.size() && slots_[slot].defined(), "what a unit needs was made by the action before");
    return std::exchange(slots_[slot], at::Tensor());
  }

 private:
  std::vector<at::Tensor> slots_;
};

// [walkthrough: run-action]
void run(const UnitAction& action, Stage& stage, Mesh& mesh, Flow& flow) {
  const auto [op, unit, micro_batch, writes_gradient, peer] = action;
  switch (op) {
    case UnitOp::forward: {
      const at::Tensor x = unit == 0 ? stage.input(micro_batch) : flow.take(micro_batch);
      flow.put(micro_batch, stage.forward(unit, micro_batch, x));
      break;
    }
    case UnitOp::backward_input:
      flow.put(micro_batch, stage.backward_input(unit, micro_batch, flow.take(micro_batch)));
      break;
    case UnitOp::backward_weight:
      stage.backward_weight(unit, micro_batch);
      break;
    case UnitOp::reduce:
      stage.unit(unit).reduce(mesh.data());
      break;
    case UnitOp::gather:  // every rank holds its units whole, all the time
    case UnitOp::release:
      break;
    case UnitOp::send_forward:
    case UnitOp::recv_forward:
    case UnitOp::send_backward:
    case UnitOp::recv_backward:
      core::require(peer < 0, "a run has one pipeline rank");
      break;
  }
  if (writes_gradient) stage.unit(unit).note_gradient_written();
}
// [end]

}  // namespace

void execute(const UnitSchedule& schedule, Stage& stage, Mesh& mesh) {
  Flow flow;
  for (const UnitAction& action : schedule) {
    const core::TraceRange range(str(action).c_str());
    run(action, stage, mesh, flow);
  }
}

}  // namespace baleen::parallel
