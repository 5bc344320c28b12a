#pragma once
// Runs a lowered schedule on the units of one rank. The order of execution is the schedule, nothing else.

#include "parallel/gradient.h"
#include "parallel/mesh.h"
#include "parallel/schedule.h"
#include "parallel/unit.h"

namespace baleen::parallel {

/// What the executor calls: the computing side of the units, implemented by models/. Units are numbered as in the
/// schedule.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual Unit& unit(int unit) = 0;
  /// What flows into the model's first unit for a micro-batch: the tokens.
  virtual at::Tensor input(int micro_batch) = 0;
  /// Room for what flows between two stages for a micro-batch.
  virtual at::Tensor empty_flow(int micro_batch) = 0;
  /// x: what the unit before returned. Returns what flows on: activations; from a unit with backward_in_forward, the
  /// gradient of x (or an undefined tensor where nothing is to be trained).
  virtual at::Tensor forward(int unit, int micro_batch, const at::Tensor& x) = 0;
  /// Returns the gradient of the unit's input (undefined from the embedding).
  virtual Gradient backward_input(int unit, int micro_batch, const Gradient& dy) = 0;
  /// Writes the unit's parameter gradients of this micro-batch.
  virtual void backward_weight(int unit, int micro_batch) = 0;
};

/// Runs all actions; returns when all are issued (gradient sums may still run: Unit::finish_reduction()). Waits for the
/// oldest message of an edge before it sends one more than kSendsUnderWay, and for all of them at the end.
void execute(const UnitSchedule& schedule, Stage& stage, Mesh& mesh);

}  // namespace baleen::parallel
