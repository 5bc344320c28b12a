#pragma once
// Writes one rank's file of a checkpoint (checkpoint/rank_file.h).

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "checkpoint/rank_file.h"
#include "checkpoint/tensor_box.h"

namespace baleen::checkpoint {

/// One thread at a time, any thread: each call takes a core::Hdf5Guard for as long as it writes, so a background
/// thread may save while others train. Methods throw Error(storage) with the path and the system's reason.
class RankFileWriter {
 public:
  /// Creates `directory`/rank-NNNNN.h5; it must not exist. A digest covers `block_bytes` of a dataset.
  RankFileWriter(const std::filesystem::path& directory, int rank, std::int64_t block_bytes = kBlockBytes);
  /// Without finish(): closes the file as it is. It has no table then, so no checkpoint can be committed with it.
  ~RankFileWriter();
  RankFileWriter(const RankFileWriter&) = delete;
  RankFileWriter& operator=(const RankFileWriter&) = delete;

  /// Digests and writes `data`, which has box.bytes() bytes and is not kept. Empty boxes are left out.
  void write(const TensorBox& box, std::span<const std::byte> data);

  /// Of data, so far.
  std::int64_t bytes() const;

  /// Writes the table, closes and syncs the file. Once, last.
  void finish();

 private:
  class File;
  std::unique_ptr<File> file_;
};

}  // namespace baleen::checkpoint
