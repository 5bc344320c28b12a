#include "data/json_lines.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"

namespace baleen::data {
namespace {

using Json = nlohmann::json;

/// "file:line", as compilers and editors write it.
struct Place {
  const TextPiece& piece;
  std::int64_t line;
  core::Error error(const std::string& what, const std::string& next_action) const {
    return {core::ExitCode::usage, fmt::format("{}:{}: {}", piece.file.string(), line, what), next_action};
  }
};

std::string text_of(const Json& object, const std::string& key, const Place& place) {
  if (!object.is_object()) {
    throw place.error(fmt::format("expected an object such as {{\"{}\": \"...\"}}, found {}", key, object.type_name()),
                      "JSONL has one object a line; for plain text say --format text");
  }
  const auto found = object.find(key);
  if (found == object.end()) {
    std::string keys;
    for (const auto& item : object.items()) keys += (keys.empty() ? "" : ", ") + item.key();
    throw place.error(fmt::format("no key \"{}\"; the object has: {}", key, keys.empty() ? "no keys" : keys),
                      "name the key of the text with --text-key");
  }
  if (!found->is_string()) {
    throw place.error(fmt::format("\"{}\" is {}, expected a string", key, found->type_name()),
                      "correct the line, or name another key with --text-key");
  }
  return found->get<std::string>();
}

Json parse(std::string_view line, const Place& place) {
  try {
    return Json::parse(line);
  } catch (const Json::parse_error& error) {
    throw place.error(fmt::format("broken JSON at column {}", error.byte), "correct the line, or leave it out");
  }
}

}  // namespace

void for_each_json_text(const TextPiece& piece, const std::string& key,
                        const std::function<void(const std::string&)>& take) {
  std::string_view rest = piece.text;
  for (Place place{piece, piece.first_line}; !rest.empty(); ++place.line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    take(text_of(parse(line, place), key, place));
  }
}

}  // namespace baleen::data
