#include "data/token_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "core/error.h"
#include "data/dataset_file.h"
#include "data/dataset_format.h"
#include "data/mapped_file.h"

namespace baleen::data {
namespace {

core::Error damaged(const DatasetInfo& info, const std::string& what) {
  return {core::ExitCode::usage, fmt::format("{} is damaged: {}", info.path.string(), what), kMakeAgain};
}

std::span<const std::byte> digest_block(std::span<const std::byte> bytes, std::int64_t block) {
  const auto from = static_cast<std::size_t>(block * kDigestBlockBytes);
  return bytes.subspan(from, std::min<std::size_t>(kDigestBlockBytes, bytes.size() - from));
}

void check_digest(const DatasetInfo& info, const char* part, std::span<const std::byte> bytes,
                  std::span<const core::Digest> digests, std::int64_t block) {
  const core::Digest stated = digests[static_cast<std::size_t>(block)];
  const core::Digest found = core::digest_of(digest_block(bytes, block));
  if (found == stated) return;
  throw damaged(info, fmt::format("block {} of {} \"{}\" has digest {}, the file states {}", block, digests.size(),
                                  part, found.hex(), stated.hex()));
}

void check_offsets(const DatasetInfo& info, std::span<const std::uint64_t> offsets) {
  if (offsets.front() != 0) throw damaged(info, fmt::format("document_offsets[0] is {}, expected 0", offsets.front()));
  const auto step_back = std::adjacent_find(offsets.begin(), offsets.end(), std::greater_equal<>());
  if (step_back != offsets.end()) {
    throw damaged(info, fmt::format("document_offsets[{}] is {}, not above the {} before it",
                                    step_back - offsets.begin() + 1, *(step_back + 1), *step_back));
  }
  if (offsets.back() != static_cast<std::uint64_t>(info.tokens)) {
    throw damaged(
        info, fmt::format("the last document ends at token {}, but there are {} tokens", offsets.back(), info.tokens));
  }
}

/// Widens stored tokens; the index of the first that is not in the vocabulary, or the count.
template <typename Stored, typename Out>
std::size_t widen(const Stored* stored, std::span<Out> out, std::int64_t vocab_size) {
  Stored largest = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<Out>(stored[i]);
    largest = std::max(largest, stored[i]);
  }
  const auto outside = [&](Stored token) { return static_cast<std::int64_t>(token) >= vocab_size; };
  if (!outside(largest)) return out.size();
  return static_cast<std::size_t>(std::find_if(stored, stored + out.size(), outside) - stored);
}

template <typename Out>
void read_tokens(const DatasetInfo& info, std::span<const std::byte> stored, std::int64_t offset, std::span<Out> out) {
  core::require(offset >= 0 && offset <= info.tokens && static_cast<std::int64_t>(out.size()) <= info.tokens - offset,
                "tokens are read inside the dataset");
  const std::byte* from = stored.data() + offset * core::dtype_size(info.dtype);
  const std::size_t good = info.dtype == core::DType::u16
                               ? widen(reinterpret_cast<const std::uint16_t*>(from), out, info.vocab_size)
                               : widen(reinterpret_cast<const std::uint32_t*>(from), out, info.vocab_size);
  if (good == out.size()) return;
  throw damaged(info, fmt::format("token {} is {}, but the vocabulary has {}", offset + static_cast<std::int64_t>(good),
                                  static_cast<std::uint32_t>(out[good]), info.vocab_size));
}

std::span<const std::byte> part(const DatasetInfo& info, std::span<const std::byte> file, const Extent& extent) {
  if (extent.address + extent.bytes > static_cast<std::int64_t>(file.size()))
    throw damaged(info, "it became shorter while it was opened");
  return file.subspan(static_cast<std::size_t>(extent.address), static_cast<std::size_t>(extent.bytes));
}

template <typename Element>
std::span<const Element> elements(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const Element*>(bytes.data()), bytes.size() / sizeof(Element)};
}

}  // namespace

TokenDataset TokenDataset::open(const std::filesystem::path& path) {
  const DatasetLayout layout = read_layout(path);
  TokenDataset dataset;
  dataset.info_ = layout.info;
  dataset.file_ = std::make_shared<const MappedFile>(path);
  const auto bytes_of = [&](const Extent& extent) { return part(layout.info, dataset.file_->bytes(), extent); };
  dataset.tokens_ = bytes_of(layout.tokens);
  dataset.document_offsets_ = elements<std::uint64_t>(bytes_of(layout.document_offsets));
  dataset.digests_ = elements<core::Digest>(bytes_of(layout.digests));

  const auto offsets_digests = elements<core::Digest>(bytes_of(layout.document_offsets_digests));
  for (std::int64_t block = 0; block < static_cast<std::int64_t>(offsets_digests.size()); ++block) {
    check_digest(layout.info, "document_offsets", std::as_bytes(dataset.document_offsets_), offsets_digests, block);
  }
  check_offsets(dataset.info_, dataset.document_offsets_);
  return dataset;
}

core::Digest TokenDataset::content_digest(const std::filesystem::path& path) {
  const DatasetLayout layout = read_layout(path);
  const MappedFile file(path);
  std::vector<std::byte> digests;
  for (const Extent& extent : {layout.digests, layout.document_offsets_digests}) {
    const std::span<const std::byte> bytes = part(layout.info, file.bytes(), extent);
    digests.insert(digests.end(), bytes.begin(), bytes.end());
  }
  return core::digest_of(digests);
}

void TokenDataset::read(std::int64_t offset, std::span<TokenId> out) const {
  read_tokens(info_, tokens_, offset, out);
}

void TokenDataset::read(std::int64_t offset, std::span<std::int64_t> out) const {
  read_tokens(info_, tokens_, offset, out);
}

void TokenDataset::verify_digest(std::int64_t block) const {
  check_digest(info_, "tokens", tokens_, digests_, block);
}

void TokenDataset::verify_block(std::int64_t block) const {
  verify_digest(block);
  const std::int64_t block_tokens = kDigestBlockBytes / core::dtype_size(info_.dtype);
  const std::int64_t end = std::min(info_.tokens, (block + 1) * block_tokens);
  std::vector<TokenId> tokens(1 << 16);
  for (std::int64_t at = block * block_tokens; at < end; at += static_cast<std::int64_t>(tokens.size())) {
    read(at, std::span(tokens).first(std::min<std::size_t>(tokens.size(), static_cast<std::size_t>(end - at))));
  }
}

}  // namespace baleen::data
