#include "parallel/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace baleen::parallel {
namespace {

std::string_view name(StageOp op) {
  constexpr std::string_view kNames[] = {"forward", "backward_input", "backward_weight"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string_view name(UnitOp op) {
  constexpr std::string_view kNames[] = {"gather", "forward", "backward_input", "backward_weight", "reduce", "release"};
  return kNames[static_cast<std::size_t>(op)];
}

char letter(UnitOp op) {
  return "gFBW+r"[static_cast<std::size_t>(op)];
}

/// Lowers one stage action after the other into `out_`.
class Lowering {
 public:
  Lowering(const StageSchedule& schedule, const std::vector<UnitTraits>& units) : schedule_(schedule), units_(units) {}

  UnitSchedule run() {
    for (std::size_t i = 0; i < schedule_.size(); ++i) {
      const StageAction& action = schedule_[i];
      check_order(action);
      if (action.op == StageOp::forward) {
        forward(i);
      } else if (action.op == StageOp::backward_weight) {
        backward(i, false, true);
      } else if (i + 1 < schedule_.size() && is(schedule_[i + 1], StageOp::backward_weight, action)) {
        check_order(schedule_[i + 1]);
        backward(++i, true, true);
      } else {
        backward(i, true, false);
      }
    }
    return std::move(out_);
  }

 private:
  static bool is(const StageAction& action, StageOp op, const StageAction& of) {
    return action.op == op && action.stage == of.stage && action.micro_batch == of.micro_batch;
  }

  void check_order(const StageAction& action) {
    if (action.op != StageOp::forward) {
      const StageOp before = action.op == StageOp::backward_input ? StageOp::forward : StageOp::backward_input;
      core::require(done_.count({before, action.stage, action.micro_batch}) == 1,
                    "a schedule runs forward, backward input, backward weight of a micro-batch in this order");
    }
    core::require(done_.insert({action.op, action.stage, action.micro_batch}).second, "a schedule repeats no action");
  }

  /// Whether schedule_[i] is the last of its kind for its stage.
  bool is_last(std::size_t i) const {
    return std::none_of(schedule_.begin() + static_cast<std::ptrdiff_t>(i) + 1, schedule_.end(),
                        [&](const StageAction& a) { return a.op == schedule_[i].op && a.stage == schedule_[i].stage; });
  }

  bool trains(int stage) const {
    return std::any_of(schedule_.begin(), schedule_.end(),
                       [&](const StageAction& a) { return a.op == StageOp::backward_weight && a.stage == stage; });
  }

  void add(UnitOp op, int unit, int micro_batch, bool writes_gradient = false) {
    out_.push_back({op, unit, micro_batch, writes_gradient});
  }

  void forward(std::size_t i) {
    const auto [op, stage, micro_batch] = schedule_[i];
    const bool trained = trains(stage);
    for (int unit = 0; unit < static_cast<int>(units_.size()); ++unit) {
      const UnitTraits& traits = units_[static_cast<std::size_t>(unit)];
      if (traits.stage != stage) continue;
      const bool writes_gradient = traits.backward_in_forward && trained;
      add(UnitOp::gather, unit, micro_batch);
      add(UnitOp::forward, unit, micro_batch, writes_gradient);
      if (writes_gradient && is_last(i)) add(UnitOp::reduce, unit, micro_batch);
      add(UnitOp::release, unit, micro_batch);
    }
  }

  void backward(std::size_t i, bool input, bool weight) {
    const auto [op, stage, micro_batch] = schedule_[i];
    for (int unit = static_cast<int>(units_.size()) - 1; unit >= 0; --unit) {
      const UnitTraits& traits = units_[static_cast<std::size_t>(unit)];
      if (traits.stage != stage || traits.backward_in_forward) continue;
      if (input) {
        add(UnitOp::gather, unit, micro_batch);
        add(UnitOp::backward_input, unit, micro_batch);
        add(UnitOp::release, unit, micro_batch);
      }
      if (!weight) continue;
      add(UnitOp::backward_weight, unit, micro_batch, true);
      if (is_last(i)) add(UnitOp::reduce, unit, micro_batch);
    }
  }

  const StageSchedule& schedule_;
  const std::vector<UnitTraits>& units_;
  std::set<std::tuple<StageOp, int, int>> done_;
  UnitSchedule out_;
};

}  // namespace

// [walkthrough: schedule]
StageSchedule one_stage_schedule(int micro_batches) {
  StageSchedule schedule;
  for (int m = 0; m < micro_batches; ++m) {
    schedule.push_back({StageOp::forward, 0, m});
    schedule.push_back({StageOp::backward_input, 0, m});
    schedule.push_back({StageOp::backward_weight, 0, m});
  }
  return schedule;
}
// [end]

StageSchedule forward_schedule(int micro_batches) {
  StageSchedule schedule;
  for (int m = 0; m < micro_batches; ++m) schedule.push_back({StageOp::forward, 0, m});
  return schedule;
}

UnitSchedule lower(const StageSchedule& schedule, const std::vector<UnitTraits>& units) {
  return Lowering(schedule, units).run();
}

std::string str(const StageAction& action) {
  return fmt::format("{} stage {} micro-batch {}", name(action.op), action.stage, action.micro_batch);
}

std::string str(const UnitAction& action) {
  return fmt::format("{} unit {} micro-batch {}", name(action.op), action.unit, action.micro_batch);
}

std::string draw(const UnitSchedule& schedule) {
  int units = 0;
  for (const UnitAction& action : schedule) units = std::max(units, action.unit + 1);
  std::string picture;
  for (int unit = 0; unit < units; ++unit) {
    picture += fmt::format("{:4} ", unit);
    for (const UnitAction& action : schedule) picture += action.unit == unit ? letter(action.op) : '.';
    picture += '\n';
  }
  picture += "  mb ";
  for (const UnitAction& action : schedule) picture += static_cast<char>('0' + action.micro_batch % 10);
  return picture + '\n';
}

}  // namespace baleen::parallel
