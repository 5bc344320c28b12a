#pragma once
// How busy the machine is with other work when a run starts.

#include <string>

#include "launch/process.h"

namespace baleen::launch {

struct Load {
  double average = 0;  // programs that ran or waited for a core, over the last minute
  int cores = 1;       // of this node
  int threads = 1;     // that keep a core busy in this run's ranks here: one a rank beside a GPU

  /// All of them, as a multiple of the cores: above 1 some wait for each other.
  double share() const { return (average + threads) / cores; }
  /// "load 3.1 on 2 cores before this run's 2 threads"
  std::string str() const;
};

/// An average of 0 where the system does not tell.
Load machine_load(const Process& process);

}  // namespace baleen::launch
