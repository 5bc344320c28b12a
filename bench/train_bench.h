#pragma once
// `baleen bench train`: the steps of a configuration, timed, and one of them taken apart.

#include <string>

#include "launch/process.h"
#include "trainer/config.h"

namespace baleen::bench {

struct TrainBenchOptions {
  trainer::Config config;
  int warm_up = 5;  // steps before the first that counts
  int steps = 20;
};

/// Collective over the process's world. Trains without a run directory: nothing is saved, no validation. Rank 0 prints
/// Markdown: tokens/s per GPU, step time with its spread, model FLOP utilisation, memory, and for its own GPU the time
/// and launches of one more step by class of kernel.
void bench_train(const TrainBenchOptions& options, launch::Process& process);

}  // namespace baleen::bench
