// The one file that knows the TOML library.

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "core/config.h"
#include "core/config_value.h"
#include "core/filesystem.h"

namespace baleen::core {
namespace {

namespace fs = std::filesystem;

ConfigValue convert(const toml::node& node) {
  if (const auto* value = node.as_boolean()) return {value->get()};
  if (const auto* value = node.as_integer()) return {value->get()};
  if (const auto* value = node.as_floating_point()) return {value->get()};
  if (const auto* value = node.as_string()) return {value->get()};
  if (const auto* array = node.as_array()) {
    ConfigValue::Array elements;
    for (const toml::node& element : *array) elements.push_back(convert(element));
    return {std::move(elements)};
  }
  return {ConfigValue::Other{node.is_table() ? "a table" : "a date or time"}};
}

using KeyAndNode = std::pair<const toml::key*, const toml::node*>;

/// As people wrote them; the library sorts by name.
std::vector<KeyAndNode> in_order(const toml::table& table) {
  std::vector<KeyAndNode> entries;
  for (auto&& [key, node] : table) entries.emplace_back(&key, &node);
  std::stable_sort(entries.begin(), entries.end(), [](const KeyAndNode& a, const KeyAndNode& b) {
    const auto &first = a.first->source().begin, &second = b.first->source().begin;
    return std::tie(first.line, first.column) < std::tie(second.line, second.column);
  });
  return entries;
}

class Reader {
 public:
  explicit Reader(ConfigSource& out) : out_(out) {}

  /// `named_at`: the place that names the file, empty for the command line's own.
  void read_file(const fs::path& path, const std::string& named_at) {
    std::error_code unreadable;  // which reading it tells
    const fs::path whole = fs::weakly_canonical(path, unreadable);
    if (std::find(open_.begin(), open_.end(), whole) != open_.end()) {
      out_.problems.push_back({named_at, fmt::format("extends = \"{}\" leads back to a file that extends this one",
                                                     path.filename().string())});
      return;
    }
    if (fs::is_directory(path, unreadable)) {
      const bool of_a_run = fs::exists(path / "config.toml", unreadable);
      fail(named_at, fmt::format("{} is a folder, not a TOML file{}", path.string(),
                                 of_a_run ? fmt::format("; of a run it is {}", (path / "config.toml").string()) : ""));
      return;
    }
    open_.push_back(whole);
    try {
      read_text(core::read_file(path), path.string());
    } catch (const Error& error) {
      fail(named_at, error.what());
    }
    open_.pop_back();
  }

  void read_text(const std::string& text, const std::string& name) {
    toml::table table;
    try {
      table = toml::parse(text, name);
    } catch (const toml::parse_error& error) {
      fail(place(name, error.source()), fmt::format("not valid TOML: {}", error.description()));
      return;
    }
    for (const auto& [key, node] : in_order(table))
      if (key->str() == "extends") extend(*node, name, place(name, key->source()));
    for (const auto& [key, node] : in_order(table))
      if (key->str() != "extends") read_section(std::string(key->str()), *node, name, place(name, key->source()));
  }

  void read_overrides(const std::vector<std::string>& words) {
    for (std::size_t at = 0; at < words.size();) {
      const std::size_t count = words_of_one(words, at);
      if (count == 1) {
        read_override(words[at]);
      } else {
        std::string given, meant;
        for (std::size_t i = at; i < at + count; ++i) {
          given += (i == at ? "" : " ") + words[i];
          meant += (i == at || !is_list(meant) ? "" : " ") + words[i];
        }
        out_.problems.push_back({std::string(kOverridePlace) + given,
                                 is_list(meant)
                                     ? fmt::format("spaces part it for the shell: write '{}'", meant)
                                     : fmt::format("write it without spaces around the =, as one word: {}", meant)});
      }
      at += count;
    }
  }

  void read_override(const std::string& text) {
    const std::string at = std::string(kOverridePlace) + text;
    const std::size_t equals = text.find('='), dot = text.find('.');
    if (text.empty()) {
      out_.problems.push_back({"", "an argument is empty: was a variable of the shell not set?"});
      return;
    }
    if (equals == std::string::npos || dot == std::string::npos || dot > equals) {
      out_.problems.push_back({at, "must have the form section.key=VALUE"});
      return;
    }
    const std::string value = text.substr(equals + 1);
    ConfigEntry entry{text.substr(0, dot), text.substr(dot + 1, equals - dot - 1), at, {}};
    if (value.empty()) {
      entry.value = {value};  // of `key=""` a shell leaves this
    } else if (const std::string wrong = parse_value(value, entry.value); !wrong.empty()) {
      out_.problems.push_back({at, wrong});
      return;
    }
    out_.entries.push_back(std::move(entry));
  }

 private:
  static bool is_list(const std::string& text) { return text.find("=[") != std::string::npos; }

  /// How many words from `at` on were meant as one override, which the shell has parted at spaces: "a.b = 3",
  /// "a.b= 3", "a.b =3", "a.b=[1, 2]".
  static std::size_t words_of_one(const std::vector<std::string>& words, std::size_t at) {
    const auto bare = [&](std::size_t i) { return i < words.size() && words[i].find('=') == std::string::npos; };
    std::string whole = words[at];
    std::size_t end = at + 1;
    if (whole.starts_with('=')) return 1;
    const auto take = [&] { whole += words[end++]; };
    if (bare(at) && end < words.size() && words[end].starts_with('=')) take();
    if (whole.ends_with('=') && bare(end)) take();
    if (!is_list(whole)) return end - at;
    const std::size_t begun = end - at;
    while (whole.find(']') == std::string::npos && bare(end)) take();
    return whole.find(']') == std::string::npos ? begun : end - at;
  }

  void fail(const std::string& at, const std::string& message) {
    out_.problems.push_back({at, message});
    out_.complete = false;
  }

  static std::string place(const std::string& name, const toml::source_region& source) {
    return fmt::format("{}:{}:{}", name, source.begin.line, source.begin.column);
  }

  void extend(const toml::node& node, const std::string& name, const std::string& at) {
    const auto* base = node.as_string();
    if (!base || base->get().empty()) {
      out_.problems.push_back({at, "extends must name a file, as in extends = \"base.toml\""});
      return;
    }
    read_file((fs::path(name).parent_path() / base->get()).lexically_normal(), at);
  }

  void read_section(const std::string& section, const toml::node& node, const std::string& name,
                    const std::string& at) {
    const toml::table* table = node.as_table();
    if (!table) {
      out_.entries.push_back({"", section, at, convert(node)});
      return;
    }
    out_.entries.push_back({section, "", at, {}});
    for (const auto& [key, value] : in_order(*table))
      out_.entries.push_back({section, std::string(key->str()), place(name, key->source()), convert(*value)});
  }

  /// What is wrong with it, or empty.
  static std::string parse_value(const std::string& text, ConfigValue& value) {
    const std::string no_value = fmt::format("{} is not a TOML value", text);
    try {
      const toml::table table = toml::parse("value = " + text);
      if (table.size() != 1) return no_value;
      value = convert(*table.get("value"));
      return "";
    } catch (const toml::parse_error&) {
      constexpr std::size_t kDigits = 19;  // of the largest integer
      const bool signed_number = text.front() == '-' || text.front() == '+';
      if (text.size() >= kDigits && text.find_first_not_of("0123456789", signed_number ? 1 : 0) == std::string::npos)
        return fmt::format("{} is too large for an integer of 64 bits", text);
      // A bare word: a path or a name, which a shell strips of its quotes.
      if (text.find_first_of("\"'[]{}\n") != std::string::npos) return no_value;
      value = {text};
      return "";
    }
  }

  ConfigSource& out_;
  std::vector<fs::path> open_;
};

}  // namespace

ConfigSource read_config_source(const fs::path& path, const std::vector<std::string>& overrides) {
  ConfigSource source;
  Reader reader(source);
  reader.read_file(path, "");
  reader.read_overrides(overrides);
  return source;
}

ConfigSource read_config_text(const std::string& text, const std::string& name,
                              const std::vector<std::string>& overrides) {
  ConfigSource source;
  Reader reader(source);
  reader.read_text(text, name);
  reader.read_overrides(overrides);
  return source;
}

}  // namespace baleen::core
