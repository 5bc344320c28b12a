#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "parallel/simulator.h"

namespace baleen::parallel {
namespace {

char letter(const TimedBlock& block, int first_stage) {
  const char upper = "FBBW"[static_cast<std::size_t>(block.kind)];
  return block.stage == first_stage ? upper : static_cast<char>(upper - 'A' + 'a');
}

std::string line(const RankTimeline& rank, double columns_per_time, std::size_t width) {
  const auto column = [&](double time) {
    return std::min(width, static_cast<std::size_t>(std::lround(time * columns_per_time)));
  };
  int first_stage = std::numeric_limits<int>::max();
  for (const TimedBlock& block : rank.blocks) first_stage = std::min(first_stage, block.stage);
  std::string text(width, '.');
  for (const TimedBlock& block : rank.blocks) {
    const std::size_t begin = column(block.start);
    const std::size_t length = column(block.end) - begin;
    std::string label = letter(block, first_stage) + std::to_string(block.micro_batch);
    if (label.size() > length) label = label.substr(0, 1);
    label.resize(std::max(label.size(), length), '-');
    text.replace(begin, length, label, 0, length);
  }
  return text;
}

}  // namespace

std::string draw(const Simulation& simulation, int width) {
  double shortest = simulation.makespan;
  for (const RankTimeline& rank : simulation.ranks)
    for (const TimedBlock& block : rank.blocks)
      if (block.end > block.start) shortest = std::min(shortest, block.end - block.start);
  constexpr std::size_t kLabel = 9;  // "rank 12  "
  // Three columns for the shortest block, a letter and a number of two digits, are enough.
  const double room = std::max(1.0, width - static_cast<double>(kLabel));
  const double scale = std::min(3 / shortest, room / simulation.makespan);
  const auto columns = static_cast<std::size_t>(std::lround(simulation.makespan * scale));
  std::string chart;
  for (std::size_t rank = 0; rank < simulation.ranks.size(); ++rank)
    chart +=
        fmt::format("{:<{}}{}\n", fmt::format("rank {}", rank), kLabel, line(simulation.ranks[rank], scale, columns));
  return chart;
}

}  // namespace baleen::parallel
