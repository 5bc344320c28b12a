#pragma once
// The algorithms of a run's matrix products in half types: measured by rank 0, the same on all ranks, kept with the run
// (products.txt, so that going on uses them again) and for the next run in Baleen's cache, by GPU and library version.
// Nothing happens on the CPU and in deterministic runs, which use the library's own choice.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "parallel/communicator.h"

namespace baleen::trainer {

class ProductChoice {
 public:
  /// `host`: over all ranks of the run, host tensors; it outlives this. `run_dir`: empty where nothing is kept.
  ProductChoice(parallel::Communicator& host, at::Device device, std::filesystem::path run_dir, bool deterministic);

  /// Collective: from now on the process uses what the run kept, else what the cache has; in deterministic runs
  /// nothing.
  void load();
  /// Collective, blocks: measures what this process's steps so far computed without a plan. Returns how many products.
  std::int64_t complete();

 private:
  /// Lines of plans by what stands before " = ": the product.
  using Plans = std::map<std::string, std::string>;

  void share();
  void keep() const;

  parallel::Communicator& host_;
  at::Device device_;
  std::filesystem::path run_dir_;
  bool active_;
  Plans plans_;  // on rank 0
};

}  // namespace baleen::trainer
