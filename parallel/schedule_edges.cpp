#include "parallel/schedule_edges.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace baleen::parallel {
namespace {

[[noreturn]] void fault(const std::string& text) {
  throw core::Error(core::ExitCode::internal, text, "report this with the run's configuration");
}

/// The consuming stage and the micro-batch of each message, by edge, in the order of the lists.
std::vector<std::vector<std::pair<int, int>>> messages(const std::vector<SimulatedRank>& ranks, bool (*end)(UnitOp)) {
  std::vector<std::vector<std::pair<int, int>>> edges(edge_count(ranks.size()));
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    for (const UnitAction& action : ranks[rank].schedule) {
      if (!end(action.op)) continue;
      const int stage = ranks[rank].units[static_cast<std::size_t>(action.unit)].stage;
      const int step = action.op == UnitOp::send_forward ? 1 : action.op == UnitOp::send_backward ? -1 : 0;
      edges[edge_of(action, rank, ranks.size())].emplace_back(stage + step, action.micro_batch);
    }
  return edges;
}

}  // namespace

bool is_send(UnitOp op) {
  return op == UnitOp::send_forward || op == UnitOp::send_backward;
}

bool is_receive(UnitOp op) {
  return op == UnitOp::recv_forward || op == UnitOp::recv_backward;
}

std::size_t edge_count(std::size_t ranks) {
  return 2 * ranks * ranks;
}

std::size_t edge_of(const UnitAction& message, std::size_t rank, std::size_t ranks) {
  const bool forward = message.op == UnitOp::send_forward || message.op == UnitOp::recv_forward;
  const auto peer = static_cast<std::size_t>(message.peer);
  const auto [source, destination] = is_send(message.op) ? std::pair(rank, peer) : std::pair(peer, rank);
  return ((forward ? 0 : 1) * ranks + source) * ranks + destination;
}

void prove_edges(const std::vector<SimulatedRank>& ranks) {
  const auto sent = messages(ranks, is_send);
  const auto received = messages(ranks, is_receive);
  for (std::size_t edge = 0; edge < sent.size(); ++edge) {
    const auto& sends = sent[edge];
    const auto& receives = received[edge];
    if (sends == receives) continue;
    std::size_t k = 0;
    while (k < sends.size() && k < receives.size() && sends[k] == receives[k]) ++k;
    fault(fmt::format("schedules: message {} from rank {} to rank {} is not the one that is received there", k,
                      edge / ranks.size() % ranks.size(), edge % ranks.size()));
  }
}

void prove_no_deadlock(const std::vector<SimulatedRank>& ranks) {
  std::vector<std::size_t> next(ranks.size());
  std::vector<int> sent(edge_count(ranks.size())), received(sent.size());
  const auto advance = [&](std::size_t rank) {
    const UnitSchedule& schedule = ranks[rank].schedule;
    const std::size_t before = next[rank];
    for (std::size_t& at = next[rank]; at < schedule.size(); ++at) {
      const bool send = is_send(schedule[at].op);
      if (!send && !is_receive(schedule[at].op)) continue;
      const std::size_t edge = edge_of(schedule[at], rank, ranks.size());
      if (send ? sent[edge] > received[edge] : sent[edge] == received[edge]) break;
      ++(send ? sent : received)[edge];
    }
    return next[rank] != before;
  };
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) moved = advance(rank) || moved;
  }
  std::string stuck;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    if (next[rank] < ranks[rank].schedule.size())
      stuck += fmt::format(", rank {} at \"{}\"", rank, str(ranks[rank].schedule[next[rank]]));
  if (!stuck.empty()) fault("schedules: deadlock" + stuck);
}

}  // namespace baleen::parallel
