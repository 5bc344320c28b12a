#pragma once
// One rank's file of a checkpoint: a serial HDF5 file, rank-NNNNN.h5, that other tools can read as well.
//   /KIND/TENSOR/I   box I of that tensor in this file: a contiguous dataset of the box's lengths with the attributes
//                    dtype, shape, offsets. bf16 is an HDF5 float type of its own; FP8 is stored as uint8.
//   /table           uint8, JSON: for each dataset its tensor, kind, dtype, shape, box, place in the file, and the
//                    XXH3-128 of every kBlockBytes of its data. The manifest holds the digest of the table.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_box.h"
#include "core/digest.h"

namespace baleen::checkpoint {

inline constexpr std::int64_t kBlockBytes = std::int64_t{16} << 20;

/// "rank-00003.h5"
std::string rank_file_name(int rank);

/// One dataset of a rank file.
struct StoredPiece {
  TensorBox box;
  std::string dataset;               // its path in the file
  std::int64_t file_offset = 0;      // of the first byte
  std::vector<core::Digest> blocks;  // of each block_bytes, the last one shorter
};

struct RankTable {
  std::int64_t block_bytes = kBlockBytes;
  std::vector<StoredPiece> pieces;
};

// Errors of this header say what is wrong with the file; CheckpointReader adds what to do about it.

std::string to_json(const RankTable& table);
/// `path` is for messages. Throws Error(corrupt_checkpoint).
RankTable rank_table_from_json(std::string_view text, const std::filesystem::path& path);

/// A table as read from a file, with the digest of its text.
struct LoadedTable {
  RankTable table;
  core::Digest digest;
};

/// Throws Error(corrupt_checkpoint) where the file is missing, cut, not HDF5, or no rank file; where `expected` is
/// given and the table's digest differs, too. Takes a core::Hdf5Guard while it reads.
LoadedTable read_rank_table(const std::filesystem::path& path, const core::Digest* expected = nullptr);

/// Compares the datasets of the file, as the HDF5 library sees them, with its table: place, length. Throws
/// Error(corrupt_checkpoint).
void check_datasets(const std::filesystem::path& path, const RankTable& table);

}  // namespace baleen::checkpoint
