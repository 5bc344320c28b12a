#include "parallel/schedule.h"

#include <fmt/format.h>

#include <algorithm>

namespace baleen::parallel {
namespace {

std::string_view name(StageOp op) {
  constexpr std::string_view kNames[] = {"forward", "backward_input", "backward_weight"};
  return kNames[static_cast<std::size_t>(op)];
}

char letter(UnitOp op) {
  return "gFBW+r><}{"[static_cast<std::size_t>(op)];
}

}  // namespace

std::vector<int> gathered_first(const UnitSchedule& schedule) {
  std::vector<int> units;
  for (const UnitAction& action : schedule) {
    if (action.op == UnitOp::gather) units.push_back(action.unit);
    if (action.op == UnitOp::forward) break;
  }
  return units;
}

std::string_view name(UnitOp op) {
  constexpr std::string_view kNames[] = {"gather",        "forward",      "backward_input", "backward_weight",
                                         "reduce",        "release",      "send_forward",   "recv_forward",
                                         "send_backward", "recv_backward"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string str(const StageAction& action) {
  return fmt::format("{} stage {} micro-batch {}", name(action.op), action.stage, action.micro_batch);
}

std::string str(const UnitAction& action) {
  const std::string text = fmt::format("{} unit {} micro-batch {}", name(action.op), action.unit, action.micro_batch);
  return action.peer < 0 ? text : fmt::format("{} rank {}", text, action.peer);
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
