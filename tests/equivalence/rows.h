#pragma once
// The table of layouts: base rows, and what else may change in a run beside its layout.

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/config.h"

namespace baleen::tests {

/// Gradients are clipped to it; a norm of this model is larger in every step.
inline constexpr double kMaxGradNorm = 0.5;

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
  double z_loss = 0;
  std::string pack = "stream";
  std::string regather = "micro_batch";  // says something under ZeRO-3 only
  std::string gradient_wire = "fp32";
  bool deterministic = true;

  std::string name() const;
};

/// One run of the table.
struct Entry {
  Row row;
  Modifiers modifiers;
  std::string precision = "fp64";
  bool sums_by_definition = false;  // what a BF16 wire owes: see comparison.h

  std::string name() const;
};

/// Every axis alone, every ZeRO stage, every schedule, and tensor x pipeline x data x ZeRO 0 to 3 together.
std::vector<Row> base_rows();

/// The layout that owes this one the same bits in deterministic mode: the same ranks of the data and tensor axes, no
/// pipeline, nothing sharded.
Row whole_layers(const Row& row);

/// What CI runs. Of every row a run in FP64 in deterministic mode, one out of it, and one in deterministic FP32, with
/// other modifiers each; and of some rows one whose gradients travel in BF16. Every value of a modifier meets every
/// value of the others and every kind of row that it can (a test proves it).
std::vector<Entry> covering_runs();

/// All modifiers in this row.
std::vector<Entry> all_runs(const Row& row);

/// The tiny model (grouped-query heads, Q/K norms, QKV bias, 257 ids, clipping active) on this layout, on a dataset in
/// `folder`: at least four micro-batches on each rank; a validation set, seen twice.
trainer::Config config_of(const Row& row, const Modifiers& modifiers, const std::filesystem::path& folder,
                          const std::string& precision);

}  // namespace baleen::tests
