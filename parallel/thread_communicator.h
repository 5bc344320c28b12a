#pragma once
// N ranks as threads of one process: tests of everything that is parallel, under ThreadSanitizer too.
//
// An operation runs when the last rank issues it, on that rank's thread, in rank order; so results never depend on
// timing, and a buffer touched before its Work was waited for is a data race that ThreadSanitizer sees. Ranks that
// issue different operations at the same point each get an Error(internal) that names both.

#include <functional>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// Runs rank(world) on `ranks` threads, each computing with one intra-op thread, and returns when all have ended.
/// Where one throws, the others get an Error(rank_lost) from what they wait for or issue next, and the first exception
/// (in time) is thrown here.
void run_threads(int ranks, const std::function<void(Communicator& world)>& rank);

}  // namespace baleen::parallel
