#pragma once
// The sections of a whole configuration, and what is done with all of them: fill, dump, describe.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config_section.h"

namespace baleen::core {

/// The sections of a configuration struct without its type.
struct SectionTables {
  struct Entry {
    FieldTable table;
    std::function<void*(void* config)> member;
  };
  std::vector<Entry> sections;

  const Entry* find(const std::string& section) const;
};

/// core::Schema<Config>().section(run_section(), &Config::run).section(...)
template <class Config>
class Schema {
 public:
  template <class Part>
  Schema& section(const Section<Part>& section, Part Config::*member) {
    tables_.sections.push_back(
        {section.table(), [member](void* config) -> void* { return &(static_cast<Config*>(config)->*member); }});
    return *this;
  }
  const SectionTables& tables() const { return tables_; }

 private:
  SectionTables tables_;
};

/// What the place of an entry from the command line begins with: "override training.steps=0".
inline constexpr std::string_view kOverridePlace = "override ";

/// Which keys were given; both by "model.dim".
struct KeyOrigins {
  std::map<std::string, std::string> places;  // the place that gave the value, "run.toml:3:1"
  std::set<std::string> overridden;           // keys whose place is the command line
  std::set<std::string> rejected;             // keys that kept their default because the value was wrong
};

/// Fills `config` from the entries. Adds a problem for each unknown section or key, wrong type and failed check.
KeyOrigins fill(const SectionTables& schema, const ConfigSource& source, void* config, std::vector<Problem>& problems);

/// The whole configuration as TOML that reads back to the same values.
std::string dump(const SectionTables& schema, const void* config);

/// Throws Error(usage), with the nearest name, for an unknown section.
const SectionTables::Entry& find_section(const SectionTables& schema, const std::string& section);

/// Throws Error(usage), with the nearest name, for an unknown key.
const Field& find_field(const SectionTables& schema, const SectionTables::Entry& section, const std::string& key);

/// The keys of a section, or one "section.key", or all where `what` is empty, for a terminal. `defaults` is a default
/// configuration. Throws as find_section and find_field do.
std::string describe(const SectionTables& schema, const void* defaults, const std::string& what);

/// All sections as Markdown: docs/config.md.
std::string describe_markdown(const SectionTables& schema, const void* defaults);

/// Returns where there are no problems; else throws Error(usage) that lists them all. `what`: the file.
void throw_if_any(const std::vector<Problem>& problems, const std::string& what);

}  // namespace baleen::core
