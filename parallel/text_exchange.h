#pragma once
// Text between ranks, over a communicator of host tensors.

#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// Collective: the texts of all ranks, by rank.
std::vector<std::string> gather_texts(Communicator& host, const std::string& mine);

/// Collective: the root's text, on every rank.
std::string broadcast_text(Communicator& host, const std::string& text, int root);

}  // namespace baleen::parallel
