#include <algorithm>

#include "core/error.h"
#include "parallel/schedule_order.h"

namespace baleen::parallel {
namespace {

/// A compute action of a unit with all that stands around it.
struct Step {
  UnitAction compute;
  bool uses_values = false;
  std::vector<UnitAction> gathers, receives;         // before it
  std::vector<UnitAction> sends, reduces, releases;  // after it
};

class Lowering {
 public:
  Lowering(const std::vector<StageSchedule>& schedules, int rank, const std::vector<UnitTraits>& units,
           const LoweringOptions& options)
      : order_(order_stages(schedules)),
        rank_(static_cast<std::size_t>(rank)),
        list_(schedules.at(rank_)),
        units_(units),
        options_(options) {
    for (int stage = 0; stage < order_.stages(); ++stage)
      core::require(order_.ranks[static_cast<std::size_t>(stage)] != rank || !units_of(stage).empty(),
                    "every stage of a rank has a unit");
  }

  UnitSchedule run() {
    compute();
    receive();
    if (options_.gathers && options_.regather != Regather::never) gather();
    UnitSchedule out;
    for (const Step& step : steps_) {
      for (const auto* before : {&step.gathers, &step.receives}) out.insert(out.end(), before->begin(), before->end());
      out.push_back(step.compute);
      for (const auto* after : {&step.sends, &step.reduces, &step.releases})
        out.insert(out.end(), after->begin(), after->end());
    }
    return out;
  }

 private:
  std::vector<int> units_of(int stage) const {
    std::vector<int> of_stage;
    for (int unit = 0; unit < static_cast<int>(units_.size()); ++unit)
      if (traits(unit).stage == stage) of_stage.push_back(unit);
    return of_stage;
  }
  const UnitTraits& traits(int unit) const { return units_[static_cast<std::size_t>(unit)]; }

  // Compute, sends and reductions.

  void compute() {
    for (std::size_t i = 0; i < list_.size(); ++i) {
      first_step_.push_back(steps_.size());
      const StageAction& action = list_[i];
      if (action.op == StageOp::forward) {
        forward(i);
      } else if (action.op == StageOp::backward_weight) {
        backward(i, false, true);
      } else if (i + 1 < list_.size() && is(list_[i + 1], StageOp::backward_weight, action)) {
        backward(++i, true, true);
        first_step_.push_back(first_step_.back());
      } else {
        backward(i, true, false);
      }
    }
    first_step_.push_back(steps_.size());
  }

  static bool is(const StageAction& action, StageOp op, const StageAction& of) {
    return action.op == op && action.stage == of.stage && action.micro_batch == of.micro_batch;
  }

  /// Whether list_[i] is the last of its kind for its stage.
  bool is_last(std::size_t i) const {
    return std::none_of(list_.begin() + static_cast<std::ptrdiff_t>(i) + 1, list_.end(),
                        [&](const StageAction& a) { return a.op == list_[i].op && a.stage == list_[i].stage; });
  }

  bool trains(int stage) const {
    return std::any_of(list_.begin(), list_.end(),
                       [&](const StageAction& a) { return a.op == StageOp::backward_weight && a.stage == stage; });
  }

  void forward(std::size_t i) {
    const auto [op, stage, micro_batch] = list_[i];
    const std::vector<int> units = units_of(stage);
    for (const int unit : units) {
      const bool writes_gradient = traits(unit).backward_in_forward && trains(stage);
      add({UnitOp::forward, unit, micro_batch, writes_gradient}, true);
      if (unit == units.back()) send(op, UnitOp::send_forward);
      if (writes_gradient && unit == units.front()) send(StageOp::backward_input, UnitOp::send_backward);
      reduce(i);
    }
  }

  void backward(std::size_t i, bool input, bool weight) {
    const auto [op, stage, micro_batch] = list_[i];
    const std::vector<int> units = units_of(stage);
    for (auto unit = units.rbegin(); unit != units.rend(); ++unit) {
      if (traits(*unit).backward_in_forward) continue;
      if (input) {
        add({UnitOp::backward_input, *unit, micro_batch}, traits(*unit).backward_needs_values);
        if (*unit == units.front()) send(StageOp::backward_input, UnitOp::send_backward);
      }
      if (!weight) continue;
      add({UnitOp::backward_weight, *unit, micro_batch, true}, false);
      reduce(i);
    }
  }

  void add(const UnitAction& compute, bool uses_values) {
    steps_.push_back({compute, uses_values, {}, {}, {}, {}, {}});
  }

  /// What the last step made.
  void send(StageOp op, UnitOp message) {
    const UnitAction& made = steps_.back().compute;
    const int peer = order_.destination(op, traits(made.unit).stage);
    if (peer >= 0) steps_.back().sends.push_back({message, made.unit, made.micro_batch, false, peer});
  }

  /// The gradient that the last step wrote, for list_[i].
  void reduce(std::size_t i) {
    const UnitAction& made = steps_.back().compute;
    if (made.writes_gradient && (options_.reduce_each_micro_batch || is_last(i)))
      steps_.back().reduces.push_back({UnitOp::reduce, made.unit, made.micro_batch});
  }

  // Receives.

  void receive() {
    for (std::size_t i = 0; i < list_.size(); ++i) {
      for (const StageMessage& message : order_.receives[rank_][i]) {
        const bool forward = message.op == StageOp::forward;
        const std::vector<int> units = units_of(message.stage);
        const std::size_t place = message.ahead && has_steps(i - 1) ? first_step_[i] - 1 : first_step_[i];
        steps_[place].receives.push_back({forward ? UnitOp::recv_forward : UnitOp::recv_backward,
                                          forward ? units.front() : units.back(), message.micro_batch, false,
                                          order_.source(message.op, message.stage)});
      }
    }
  }

  /// Whether list_[i] (with the one before it, if they are done together) came to compute actions.
  bool has_steps(std::size_t i) const { return first_step_[i] != first_step_[i + 1]; }

  // Gathers and releases.

  void gather() {
    std::vector<std::vector<std::size_t>> uses(units_.size());  // of each unit's values, by step
    for (std::size_t s = 0; s < steps_.size(); ++s)
      if (steps_[s].uses_values) uses[static_cast<std::size_t>(steps_[s].compute.unit)].push_back(s);
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      if (!steps_[s].uses_values) continue;
      const auto [op, unit, micro_batch, writes_gradient, peer] = steps_[s].compute;
      const auto& of_unit = uses[static_cast<std::size_t>(unit)];
      const bool each = options_.regather == Regather::micro_batch;
      if (each || s == of_unit.front()) steps_[gather_place(s)].gathers.push_back({UnitOp::gather, unit, micro_batch});
      if (each || s == of_unit.back()) steps_[s].releases.push_back({UnitOp::release, unit, micro_batch});
    }
  }

  /// Ahead of step s, before the last action that hides a gather. A unit that an action between uses, too, is released
  /// first.
  std::size_t gather_place(std::size_t s) const {
    std::size_t place = s;
    for (bool hidden = !options_.prefetch; !hidden && place > 0; --place) {
      const Step& before = steps_[place - 1];
      if (before.uses_values && before.compute.unit == steps_[s].compute.unit) break;
      hidden = traits(before.compute.unit).hides_gathers;
    }
    return place;
  }

  const StageOrder order_;
  const std::size_t rank_;
  const StageSchedule& list_;
  const std::vector<UnitTraits>& units_;
  const LoweringOptions options_;
  std::vector<Step> steps_;
  std::vector<std::size_t> first_step_;  // of each action of list_; steps_.size() behind the last
};

}  // namespace

UnitSchedule lower(const std::vector<StageSchedule>& schedules, int rank, const std::vector<UnitTraits>& units,
                   const LoweringOptions& options) {
  return Lowering(schedules, rank, units, options).run();
}

}  // namespace baleen::parallel
