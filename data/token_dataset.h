#pragma once
// A tokenized dataset: one HDF5 file, written by data/token_writer.h, read through mmap. Format version 1
// (docs/data.md):
//   tokens            [T]      uint16 or uint32, contiguous: documents one after another, each closed by end_of_text
//   document_offsets  [N + 1]  uint64, contiguous: document d owns tokens [offsets[d], offsets[d + 1]); offsets[N] = T
//   digests           [B, 16]  uint8: XXH3-128 (canonical, big-endian) of each 64 MiB of the bytes of `tokens`
//   document_offsets_digests: the same of the bytes of `document_offsets`
//   attributes of the root: docs/data.md

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "core/digest.h"
#include "data/dataset_info.h"

namespace baleen::data {

class MappedFile;

/// An open dataset. Immutable, so any number of threads may read. Copies share one mapping. A file that becomes shorter
/// meanwhile, or whose disk fails, ends the process with a message and the exit code for storage (data/mapped_file.h).
class TokenDataset {
 public:
  /// As read_dataset_info, and checks that the document offsets fit their digests and ascend from 0 to the token count.
  static TokenDataset open(const std::filesystem::path& path);

  /// Tells the content of a dataset from any other's: a digest of the digests in it. Reads only these.
  /// Throws as read_dataset_info does.
  static core::Digest content_digest(const std::filesystem::path& path);

  const DatasetInfo& info() const { return info_; }

  /// Writes tokens [offset, offset + out.size()) to out; the range must lie inside the dataset. Throws Error(usage)
  /// when one of them is not below vocab_size: the file is damaged.
  void read(std::int64_t offset, std::span<TokenId> out) const;
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// documents + 1 ascending entries; lives as long as a copy of this dataset.
  std::span<const std::uint64_t> document_offsets() const { return document_offsets_; }

  /// One per 64 MiB of tokens, as the file states them.
  std::span<const core::Digest> digests() const { return digests_; }

  /// Reads block `block`, of digests().size(), in full. Throws Error(usage) when its digest differs; verify_block also
  /// when a token is not below vocab_size.
  void verify_digest(std::int64_t block) const;
  void verify_block(std::int64_t block) const;

 private:
  TokenDataset() = default;

  DatasetInfo info_;
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> tokens_;
  std::span<const std::uint64_t> document_offsets_;
  std::span<const core::Digest> digests_;
};

}  // namespace baleen::data
