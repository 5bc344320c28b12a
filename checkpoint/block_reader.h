#pragma once
// Reads bytes of one dataset of a rank file, block by block, each compared with its digest before a byte of it is used.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "checkpoint/rank_file.h"
#include "core/file_descriptor.h"

namespace baleen::checkpoint {

class BlockReader {
 public:
  /// All arguments outlive the reader.
  BlockReader(const core::FileDescriptor& file, const std::filesystem::path& path, const StoredPiece& piece,
              std::int64_t block_bytes)
      : file_(file), path_(path), piece_(piece), block_bytes_(block_bytes) {}

  /// Copies bytes [begin, begin + out.size()) of the dataset. Cheap where `begin` ascends from call to call: the
  /// current block is kept. Throws Error(corrupt_checkpoint) that names file, tensor and block; Error(storage).
  void copy(std::int64_t begin, std::span<std::byte> out);

  /// Reads one block in full and compares it; returns its bytes.
  std::int64_t check(std::int64_t block);

 private:
  std::int64_t block_length(std::int64_t block) const;
  void read_verified(std::int64_t block, std::span<std::byte> out) const;
  void load(std::int64_t block);

  const core::FileDescriptor& file_;
  const std::filesystem::path& path_;
  const StoredPiece& piece_;
  std::int64_t block_bytes_;
  std::vector<std::byte> buffer_;  // of block current_
  std::int64_t current_ = -1;
};

/// Copies the elements of `asked` that lie in the piece's box to `out`, which is `asked`, dense, in C order.
void copy_shared(BlockReader& reader, const Box& stored, const Box& asked, std::int64_t element_bytes,
                 std::span<std::byte> out);

}  // namespace baleen::checkpoint
