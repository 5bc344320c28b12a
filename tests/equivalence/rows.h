#pragma once
// The table of layouts: base rows, and what else may change in a run beside its layout.

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace baleen::tests {

/// A layout.
struct Row {
  int tensor = 1;
  int pipeline = 1;
  int shard = 1;
  int replicate = 1;
  int zero = 0;
  bool sequence_parallel = true;
  std::string schedule = "1f1b";
  int virtual_stages = 1;
  int layers = 4;

  int ranks() const { return tensor * pipeline * shard * replicate; }
  std::string name() const;
};

/// What a run may do in any layout.
struct Modifiers {
  std::string recompute = "none";
  bool tied = false;
  double dropout = 0;
  std::string pack = "stream";
  std::string regather = "micro_batch";
  bool deterministic = true;

  std::string name() const;
};

/// Every axis alone, every ZeRO stage, every schedule, and tensor x pipeline x data x ZeRO 0 to 3 together.
std::vector<Row> base_rows();

/// Modifiers for a row: the first set is plain; the others, over all rows together, show every pair of two modifiers'
/// values (a test proves it).
std::vector<Modifiers> modifiers_of(std::size_t row);

/// The tiny model (grouped-query heads, Q/K norms, QKV bias, 257 ids, clipping active) on this layout, on a dataset in
/// `folder`: at least four micro-batches on each rank.
trainer::Config config_of(const Row& row, const Modifiers& modifiers, const std::filesystem::path& folder,
                          const std::string& precision);

}  // namespace baleen::tests
