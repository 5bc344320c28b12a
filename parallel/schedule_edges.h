#pragma once
// The edges of a pipeline: source, destination and direction of its messages. And the parts of prove() that are about
// them. No LibTorch.

#include "parallel/simulator.h"

namespace baleen::parallel {

bool is_send(UnitOp op);
bool is_receive(UnitOp op);

/// How many edges `ranks` ranks have, and which one a message of `rank` travels.
std::size_t edge_count(std::size_t ranks);
std::size_t edge_of(const UnitAction& message, std::size_t rank, std::size_t ranks);

/// Each edge has its receives in the order of its sends. Throws as prove() does.
void prove_edges(const std::vector<SimulatedRank>& ranks);
/// Ranks that stop at a receive until it is sent, and at a send until the one before it on the edge is received, reach
/// the end of their lists. Throws as prove() does.
void prove_no_deadlock(const std::vector<SimulatedRank>& ranks);

}  // namespace baleen::parallel
