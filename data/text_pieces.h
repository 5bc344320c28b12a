#pragma once
// Text files in pieces that can be tokenized apart from each other, in order.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/file_descriptor.h"
#include "data/tokenizer.h"

namespace baleen::data {

struct TextPiece {
  std::filesystem::path file;
  std::string text;
  std::int64_t first_byte = 0;  // of text, in the file
  std::int64_t first_line = 1;  // of text, in the file; counted for JSONL only
  bool jsonl = false;           // whole lines; otherwise a part of the file's one document
  bool ends_file = false;
};

/// Throws Error(usage) for what cannot be a text file: missing, a folder, empty. Its size, or 0 for a pipe.
std::int64_t text_file_size(const std::filesystem::path& file);

/// One file. Throws Error(usage) when it cannot be opened, and from next() when it turns out to be empty or a line of
/// JSONL is longer than max_line_bytes.
class PieceReader {
 public:
  struct Options {
    bool jsonl = false;
    std::int64_t piece_bytes = 0;
    std::int64_t max_line_bytes = 0;
  };

  PieceReader(std::filesystem::path file, const Tokenizer& tokenizer, const Options& options);

  /// The next piece, about piece_bytes long; nothing after the one that ends the file.
  std::optional<TextPiece> next();

 private:
  bool read_more();
  /// How many bytes of pending_ may be handed out.
  std::size_t cut() const;

  std::filesystem::path path_;
  const Tokenizer& tokenizer_;
  Options options_;
  core::FileDescriptor file_;
  std::string pending_;
  std::int64_t first_byte_ = 0;
  std::int64_t first_line_ = 1;
  bool at_end_ = false;
  bool done_ = false;
};

}  // namespace baleen::data
