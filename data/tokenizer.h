#pragma once
// Text to tokens and back.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset_info.h"

namespace baleen::data {

/// Immutable: any number of threads may use one tokenizer.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// The name that make_tokenizer takes and datasets record.
  virtual std::string name() const = 0;
  /// All ids are below it, end_of_text among them.
  virtual std::int64_t vocab_size() const = 0;
  virtual TokenId end_of_text() const = 0;

  /// Appends the tokens of `text` (valid UTF-8) to `out`. Text never becomes end_of_text.
  virtual void encode(std::string_view text, std::vector<TokenId>& out) const = 0;

  /// The bytes that the tokens stand for. They may end inside a UTF-8 sequence (Utf8Stream holds such an end back).
  /// end_of_text gives none. Throws Error(usage) for an id outside the vocabulary.
  virtual std::string decode(std::span<const TokenId> tokens) const = 0;

  /// The longest prefix of `text` (whole characters, or not UTF-8 at all) that may be encoded apart from what follows
  /// it, whatever that is.
  virtual std::size_t split_point(std::string_view text) const = 0;
};

/// "bytes": the 256 bytes and end-of-text, 257 in all. Throws Error(usage) that lists the known names.
std::unique_ptr<const Tokenizer> make_tokenizer(std::string_view name);

}  // namespace baleen::data
