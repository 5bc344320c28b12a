#pragma once
// UTF-8 as Unicode 15, table 3-7, defines it: no overlong forms, no surrogates, nothing above U+10FFFF.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace baleen::data {

/// Byte offset of the first sequence that is not valid UTF-8; nothing when all of `text` is. An end inside a sequence
/// counts as an error.
std::optional<std::size_t> first_utf8_error(std::string_view text);

/// Bytes at the end of `text` (0 to 3) that begin a sequence whose rest is still to come.
std::size_t incomplete_utf8_tail(std::string_view text);

/// Valid UTF-8 without the control characters that could drive a terminal: \x1b and the like instead. Keeps \n and \t.
std::string without_controls(std::string_view text);

/// Turns bytes that arrive in any pieces into pieces of whole characters, for printing while generating.
class Utf8Stream {
 public:
  /// What can be shown now; an unfinished sequence is held back. Invalid bytes become U+FFFD.
  std::string push(std::string_view bytes);
  /// What is left at the end: nothing, or U+FFFD for an unfinished sequence.
  std::string finish();

 private:
  std::string held_;
};

}  // namespace baleen::data
