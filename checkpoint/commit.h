#pragma once
// How a checkpoint comes to be, so that no reader ever sees half of one:
//   rank 0   prepare()     RUN/checkpoints/step-00001000.partial-ID, leftovers of saves that died removed
//   barrier
//   all      RankFileWriter on directory(): write() each box, finish() (synced)
//   barrier
//   rank 0   commit()      reads every rank's table back, writes config.toml and manifest.json, syncs, renames the
//                          directory to step-00001000, replaces LATEST, removes what `keep` no longer covers
//   barrier
// Killed anywhere, it leaves either the old state or the new one. A checkpoint is never updated in place.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"

namespace baleen::checkpoint {

/// One save, as each rank sees it. All methods throw Error(storage) with the path and the system's reason.
class CheckpointSave {
 public:
  /// `id`: the same on all ranks and new for each save (the trainer broadcasts rank 0's clock).
  CheckpointSave(const std::filesystem::path& run_dir, std::int64_t step, std::uint64_t id);

  /// Where the rank files go until commit().
  const std::filesystem::path& directory() const { return partial_; }
  /// Where the checkpoint stands after commit().
  const std::filesystem::path& final_directory() const { return final_; }

  /// Rank 0.
  void prepare();
  /// Rank 0, after all ranks have finished their files. `manifest` has the trainer's fields and `world_size` files were
  /// written; `config` is the resolved configuration; `keep` > 0: that many newest checkpoints stay, 0: all.
  /// Returns what is worth a line in the log though the checkpoint is safe: an old one that could not be removed.
  [[nodiscard]] std::vector<std::string> commit(Manifest manifest, const std::string& config, int keep);
  /// Rank 0, instead of commit() or where that failed: removes what was written.
  void abandon() noexcept;

 private:
  std::filesystem::path run_dir_;
  std::filesystem::path final_;
  std::filesystem::path partial_;
  std::int64_t step_;
  std::uint64_t id_;
};

}  // namespace baleen::checkpoint
