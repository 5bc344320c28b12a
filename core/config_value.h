#pragma once
// A configuration as people wrote it: sections of keys with TOML values and the place of each. No TOML library here.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace baleen::core {

/// Something wrong with a configuration.
struct Problem {
  std::string place;    // "run.toml:12:8", "override training.steps=0"; empty where no key stands for it
  std::string message;  // what was expected, what came

  std::string text() const { return place.empty() ? message : place + ": " + message; }
};

struct ConfigValue {
  using Array = std::vector<ConfigValue>;
  struct Other {
    std::string what;  // "a table", "a date": what no key takes
  };
  std::variant<bool, std::int64_t, double, std::string, Array, Other> data;

  /// For messages: `"text"`, `3`, `[0.9, 0.95]`, "a table".
  std::string text() const;
};

/// One `key = value` of a section; an empty key stands for the header of the section itself.
struct ConfigEntry {
  std::string section, key, place;
  ConfigValue value;
};

/// All entries in the order they count: later ones win.
struct ConfigSource {
  std::vector<ConfigEntry> entries;
  std::vector<Problem> problems;
  bool complete = true;  // false: a file could not be read, so what is missing may stand there
};

/// Reads `path`, first what it names in `extends = "base.toml"` (relative to the file), then the overrides
/// `section.key=VALUE`: VALUE is TOML; a bare word that is not counts as a string. Never throws for what it reads.
ConfigSource read_config_source(const std::filesystem::path& path, const std::vector<std::string>& overrides);

/// The same from text that stands in no file; `extends` is relative to the folder of `name`.
ConfigSource read_config_text(const std::string& text, const std::string& name,
                              const std::vector<std::string>& overrides);

/// A value as TOML; doubles in the shortest form that reads back to the same bits.
std::string toml_text(bool value);
std::string toml_text(std::int64_t value);
std::string toml_text(double value);
std::string toml_text(const std::string& value);

/// The candidate that is the fewest typing errors away, or empty where that is more than a third of the letters.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace baleen::core
