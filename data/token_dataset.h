#pragma once
// A tokenized dataset: one HDF5 file, written by data/token_writer.h, read through mmap. Format version 1
// (docs/data.md):
//   tokens            [T]      uint16 or uint32, contiguous: documents one after another, each closed by end_of_text
//   document_offsets  [N + 1]  uint64, contiguous: document d owns tokens [offsets[d], offsets[d + 1]); offsets[N] = T
//   digests           [B, 16]  uint8: XXH3-128 (canonical, big-endian) of each 64 MiB of the bytes of `tokens`
//   attributes of the root: see docs/data.md

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/dtype.h"

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
  /// As read_dataset_info, and checks that the document offsets ascend from 0 to the token count and fit their digest.
  static TokenDataset open(const std::filesystem::path& path);

  const DatasetInfo& info() const { return info_; }

  /// Writes tokens [offset, offset + out.size()) to out. The range must lie inside the dataset.
  void read(std::int64_t offset, std::span<TokenId> out) const;
  void read(std::int64_t offset, std::span<std::int64_t> out) const;

  /// documents + 1 ascending entries; lives as long as a copy of this dataset.
  std::span<const std::uint64_t> document_offsets() const { return document_offsets_; }

  /// XXH3-128 of each 64 MiB of tokens as 32 hexadecimal digits, as the file states them.
  const std::vector<std::string>& digests() const { return digests_; }

  /// Blocks of tokens that verify_block takes: digests().size().
  std::int64_t blocks() const { return static_cast<std::int64_t>(digests_.size()); }

  /// Reads block `block` in full. Throws Error(usage) when its digest differs or a token is not below vocab_size.
  void verify_block(std::int64_t block) const;

 private:
  class Mapping;
  TokenDataset() = default;

  DatasetInfo info_;
  std::shared_ptr<const Mapping> mapping_;
  std::span<const std::byte> tokens_;
  std::span<const std::uint64_t> document_offsets_;
  std::vector<std::string> digests_;
};

}  // namespace baleen::data
