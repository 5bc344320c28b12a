#pragma once
// The names and constants of the dataset format, version 1, and what to do about a file that breaks it.

#include <cstdint>

namespace baleen::data {

inline constexpr const char* kFormatName = "baleen-tokens";
inline constexpr std::int64_t kFormatVersion = 1;
inline constexpr const char* kDigestAlgorithm = "xxh3-128";
inline constexpr std::int64_t kDigestBlockBytes = std::int64_t{64} << 20;

// Attributes of the root group.
inline constexpr const char* kFormatAttribute = "format";
inline constexpr const char* kVersionAttribute = "format_version";
inline constexpr const char* kTokenizerAttribute = "tokenizer";
inline constexpr const char* kVocabularyAttribute = "vocab_size";
inline constexpr const char* kEndOfTextAttribute = "end_of_text";
inline constexpr const char* kTokenCountAttribute = "token_count";
inline constexpr const char* kDocumentCountAttribute = "document_count";
inline constexpr const char* kDigestAttribute = "digest";
inline constexpr const char* kDigestBlockAttribute = "digest_block_bytes";

// Datasets.
inline constexpr const char* kTokens = "tokens";
inline constexpr const char* kDocumentOffsets = "document_offsets";
inline constexpr const char* kDigests = "digests";
inline constexpr const char* kDocumentOffsetsDigests = "document_offsets_digests";

inline constexpr const char* kMakeAgain = "restore the file from a copy or make it again with `baleen data tokenize`";

}  // namespace baleen::data
