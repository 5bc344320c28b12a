#pragma once
// The HDF5 side of a dataset file: its structure, checked, and where the bytes of its parts lie. Their contents are
// read and written by others, without the library.

#include <cstdint>
#include <filesystem>

#include "data/dataset_info.h"

namespace baleen::data {

/// Bytes [address, address + bytes) of a file.
struct Extent {
  std::int64_t address = 0;
  std::int64_t bytes = 0;
};

struct DatasetLayout {
  DatasetInfo info;
  Extent tokens;
  Extent document_offsets;
  Extent digests;                   // Digest[digest_count(tokens)]
  Extent document_offsets_digests;  // Digest[digest_count(document_offsets)]
};

/// Digests over `extent`, one per started kDigestBlockBytes.
std::int64_t digest_count(const Extent& extent);

/// Every extent lies inside the file and starts on a border of its element type. Throws as read_dataset_info does.
DatasetLayout read_layout(const std::filesystem::path& path);

/// Creates (or empties) the file `path` with the structure and attributes of `info`. The extents are allocated and hold
/// nothing yet. Throws Error(storage).
DatasetLayout create_layout(const std::filesystem::path& path, const DatasetInfo& info);

}  // namespace baleen::data
