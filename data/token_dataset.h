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
#include <string>

#include "core/dtype.h"
#include "data/digest.h"

namespace baleen::data {

/// One entry of a vocabulary.
using TokenId = std::int32_t;

inline constexpr std::int64_t kDigestBlockBytes = std::int64_t{64} << 20;

struct DatasetInfo {
  std::filesystem::path path;
  std::string tokenizer;        // as make_tokenizer knows it
  std::int64_t vocab_size = 0;  // every token is below it
  TokenId end_of_text = 0;
  std::int64_t tokens = 0;
  std::int64_t documents = 0;
  core::DType dtype = core::DType::u16;  // u16 or u32
};

/// Opens the file, checks its structure (not the tokens), and closes it. Cheap at any size: for `baleen check`.
/// Throws Error(usage) that names the file, what was expected and what came; Error(storage) when the disk fails.
DatasetInfo read_dataset_info(const std::filesystem::path& path);

/// An open dataset. Immutable, so any number of threads may read. Copies share one mapping.
class TokenDataset {
 public:
  /// As read_dataset_info, and checks that the document offsets fit their digests and ascend from 0 to the token count.
  static TokenDataset open(const std::filesystem::path& path);

  const DatasetInfo& info() const { return info_; }

  /// Writes tokens [offset, offset + out.size()) to out; the range must lie inside the dataset. Throws Error(usage)
  /// when one of them is not below vocab_size: the file is damaged.
  void read(std::int64_t offset, std::span<TokenId> out) const;
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// documents + 1 ascending entries; lives as long as a copy of this dataset.
  std::span<const std::uint64_t> document_offsets() const { return document_offsets_; }

  /// One per 64 MiB of tokens, as the file states them.
  std::span<const Digest> digests() const { return digests_; }

  /// Reads block `block`, of digests().size(), in full. Throws Error(usage) when its digest differs or a token is not
  /// below vocab_size.
  void verify_block(std::int64_t block) const;

 private:
  class Mapping;
  TokenDataset() = default;

  DatasetInfo info_;
  std::shared_ptr<const Mapping> mapping_;
  std::span<const std::byte> tokens_;
  std::span<const std::uint64_t> document_offsets_;
  std::span<const Digest> digests_;
};

}  // namespace baleen::data
