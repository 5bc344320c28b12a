#pragma once
// One field table per section of the configuration: the single description behind parsing, unknown-key errors, --help,
// docs/config.md, `baleen schema` and the resolved dump.
//
//   const auto table = core::Section<OptimizerConfig>("optimizer", "How parameters follow their gradients.")
//                          .field("lr", &OptimizerConfig::lr, "Peak learning rate.", core::positive());

#include <array>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "core/config_value.h"

namespace baleen::core {

/// What a value must be beyond its type: "greater than 0", "one of "adamw", "sgd"". Empty: anything.
struct Check {
  std::string expected;
  std::function<bool(double)> number;
  std::function<bool(const std::string&)> string;
  std::vector<std::string> choices;          // for the nearest one to what came
  std::map<std::string, std::string> meant;  // other words that people have for a choice
};

Check positive();
Check not_negative();
Check positive_or(double exception);  // greater than 0, or exactly this
Check at_least(double lowest);
Check between(double lowest, double highest);     // both may be
Check in_half_open(double lowest, double bound);  // lowest may be, bound may not
Check power_of_two();
Check one_of(std::vector<std::string> choices, std::map<std::string, std::string> meant = {});
Check not_empty();

/// The types that a key can have. read_value returns false where `value` has another type.
bool read_value(const ConfigValue& value, bool& out);
bool read_value(const ConfigValue& value, int& out);
bool read_value(const ConfigValue& value, std::int64_t& out);
bool read_value(const ConfigValue& value, double& out);
bool read_value(const ConfigValue& value, std::string& out);
bool read_value(const ConfigValue& value, std::array<double, 2>& out);
bool read_value(const ConfigValue& value, std::vector<int>& out);
std::string type_name(bool value);
std::string type_name(int value);
std::string type_name(std::int64_t value);
std::string type_name(double value);
std::string type_name(const std::string& value);
std::string type_name(const std::array<double, 2>& value);
std::string type_name(const std::vector<int>& value);
std::string toml_text(int value);
std::string toml_text(const std::array<double, 2>& value);
std::string toml_text(const std::vector<int>& value);
bool holds(const Check& check, double value);
bool holds(const Check& check, const std::string& value);
bool holds(const Check& check, const std::array<double, 2>& value);
bool holds(const Check& check, const std::vector<int>& value);

/// A field without its types.
struct Field {
  std::string name, help, type;
  Check check;
  /// Takes over a value; what was wrong with it, or empty.
  std::function<std::string(void* config, const ConfigValue& value)> read;
  std::function<std::string(const void* config)> write;  // as TOML
};

/// A section without its type.
struct FieldTable {
  std::string name, help;
  std::vector<Field> fields;

  const Field* find(const std::string& field) const;
};

/// What is wrong with a value that is of another type or fails its check; empty where nothing is.
std::string value_problem(bool type_fits, bool check_holds, const std::string& type, const Check& check,
                          const ConfigValue& value);

template <class Config>
class Section {
 public:
  Section(std::string name, std::string help) : table_{std::move(name), std::move(help), {}} {}

  template <class Member>
  Section& field(std::string name, Member Config::*member, std::string help, Check check = {}) {
    auto read = [member, check](void* config, const ConfigValue& value) {
      Member parsed{};
      const bool fits = read_value(value, parsed);
      const bool good = fits && holds(check, parsed);
      if (good) static_cast<Config*>(config)->*member = parsed;
      return value_problem(fits, good, type_name(parsed), check, value);
    };
    auto write = [member](const void* config) { return toml_text(static_cast<const Config*>(config)->*member); };
    table_.fields.push_back({std::move(name), std::move(help), type_name(Member{}), check, read, write});
    return *this;
  }

  /// A key whose value is one of a few names, kept as an enum.
  template <class Enum>
  Section& choice(std::string name, Enum Config::*member, std::string help,
                  std::vector<std::pair<std::string, Enum>> names) {
    std::vector<std::string> choices;
    choices.reserve(names.size());
    for (const auto& entry : names) choices.push_back(entry.first);
    const Check check = one_of(choices);
    auto read = [member, check, names](void* config, const ConfigValue& value) {
      std::string parsed;
      const bool fits = read_value(value, parsed);
      for (const auto& entry : names)
        if (fits && entry.first == parsed) static_cast<Config*>(config)->*member = entry.second;
      return value_problem(fits, fits && holds(check, parsed), type_name(parsed), check, value);
    };
    auto write = [member, names](const void* config) {
      for (const auto& entry : names)
        if (entry.second == static_cast<const Config*>(config)->*member) return toml_text(entry.first);
      return toml_text(std::string());
    };
    table_.fields.push_back({std::move(name), std::move(help), type_name(std::string()), check, read, write});
    return *this;
  }

  const FieldTable& table() const { return table_; }

 private:
  FieldTable table_;
};

}  // namespace baleen::core
