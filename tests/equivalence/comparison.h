#pragma once
// What a run of the table owes, and to which other runs.

#include <map>
#include <string>
#include <vector>

#include "tests/equivalence/rows.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {

/// Makes what is asked for once, with threads as ranks, and keeps the outcome.
class Runs {
 public:
  const Outcome& get(const Entry& run);

 private:
  TemporaryFolder folder_;
  std::map<std::string, Outcome> outcomes_;
};

/// One rank in deterministic mode that recomputes nothing.
Entry one_rank(const Entry& run);

/// The run that owes a deterministic one the same bits: whole_layers() with nothing recomputed. Gradients that travel
/// in BF16 owe those of the definition: a communicator that gathers every rank's gradient in full, rounds each and adds
/// them in rank order.
Entry equal_bits(const Entry& run);

/// All runs that expect_owed() compares `run` with.
std::vector<Entry> references(const Entry& run);

/// FP64: losses, validation losses, norms, parameters and skips of one rank. Deterministic mode: bits.
void expect_owed(Runs& runs, const Entry& run);

}  // namespace baleen::tests
