#include "data/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace baleen::data {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Lead {
  std::size_t length;       // of the whole sequence; 0: no sequence begins with this byte
  unsigned char low, high;  // the second byte; all later ones are 80..BF
};

Lead lead(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

enum class Kind { complete, incomplete, invalid };

struct Sequence {
  Kind kind;
  std::size_t bytes;  // at least 1; of an invalid one, what Unicode replaces by a single U+FFFD
};

/// What `text`, not empty, begins with.
Sequence first_sequence(std::string_view text) {
  const Lead expected = lead(static_cast<unsigned char>(text[0]));
  if (expected.length == 0) return {Kind::invalid, 1};
  for (std::size_t i = 1; i < expected.length; ++i) {
    if (i == text.size()) return {Kind::incomplete, i};
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool fits = i == 1 ? byte >= expected.low && byte <= expected.high : (byte & 0xC0) == 0x80;
    if (!fits) return {Kind::invalid, i};
  }
  return {Kind::complete, expected.length};
}

bool eight_ascii(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

}  // namespace

std::optional<std::size_t> first_utf8_error(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && eight_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const Sequence sequence = first_sequence(text.substr(at));
    if (sequence.kind != Kind::complete) return at;
    at += sequence.bytes;
  }
  return std::nullopt;
}

std::size_t incomplete_utf8_tail(std::string_view text) {
  for (std::size_t tail = 1; tail <= std::min<std::size_t>(3, text.size()); ++tail) {
    const std::string_view end = text.substr(text.size() - tail);
    const bool continuation = (static_cast<unsigned char>(end[0]) & 0xC0) == 0x80;
    if (!continuation) return first_sequence(end).kind == Kind::incomplete ? tail : 0;
  }
  return 0;
}

std::string without_controls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::string_view character = text.substr(0, first_sequence(text).bytes);
    const auto first = static_cast<unsigned char>(character[0]);
    const auto last = static_cast<unsigned char>(character.back());
    const bool c0 = (first < 0x20 && first != '\n' && first != '\t') || first == 0x7F;
    const bool c1 = first == 0xC2 && last < 0xA0;  // U+0080 to U+009F: 8-bit forms of escape sequences
    if (c0 || c1) {
      shown += fmt::format("\\x{:02x}", last);
    } else {
      shown += character;
    }
    text.remove_prefix(character.size());
  }
  return shown;
}

std::string Utf8Stream::push(std::string_view bytes) {
  held_.append(bytes);
  std::string shown;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const Sequence sequence = first_sequence(rest);
    if (sequence.kind == Kind::incomplete) break;
    shown.append(sequence.kind == Kind::complete ? rest.substr(0, sequence.bytes) : kReplacement);
    rest.remove_prefix(sequence.bytes);
  }
  held_ = std::string(rest);
  return shown;
}

std::string Utf8Stream::finish() {
  std::string shown(held_.empty() ? std::string_view() : kReplacement);
  held_.clear();
  return shown;
}

}  // namespace baleen::data
