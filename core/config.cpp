#include "core/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"

namespace baleen::core {
namespace {

/// What messages about names that do not exist begin with: a list of those that do helps.
constexpr std::string_view kUnknown = "unknown ";

std::string suggestion(const std::string& nearest) {
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

std::vector<std::string> section_names(const SectionTables& schema) {
  std::vector<std::string> names;
  for (const auto& entry : schema.sections) names.push_back(entry.table.name);
  return names;
}

std::vector<std::string> field_names(const FieldTable& table) {
  std::vector<std::string> names;
  for (const Field& field : table.fields) names.push_back(field.name);
  return names;
}

/// The section that has the key, or empty where none or several have.
std::string home_of(const SectionTables& schema, const std::string& key) {
  std::string home;
  for (const auto& entry : schema.sections) {
    if (!entry.table.find(key)) continue;
    if (!home.empty()) return "";
    home = entry.table.name;
  }
  return home;
}

std::string unknown_key(const SectionTables& schema, const FieldTable& table, const std::string& key) {
  const std::string nearest = nearest_name(key, field_names(table)), home = home_of(schema, key);
  if (nearest.empty() && !home.empty())
    return fmt::format("{}key {}.{}; {} belongs to [{}]", kUnknown, table.name, key, key, home);
  return fmt::format("{}key {}.{}{}", kUnknown, table.name, key,
                     suggestion(nearest.empty() ? "" : table.name + "." + nearest));
}

std::string outside_sections(const SectionTables& schema, const std::string& key) {
  if (schema.find(key)) return fmt::format("{} is a section: write [{}] and its keys below", key, key);
  const std::string home = home_of(schema, key);
  return home.empty() ? fmt::format("{}key {} outside any section", kUnknown, key)
                      : fmt::format("{} stands outside any section; it belongs to [{}]", key, home);
}

std::string unknown_section(const SectionTables& schema, const std::string& name) {
  if (name.empty()) return "no section is named";
  return fmt::format("{}section [{}]{}", kUnknown, name, suggestion(nearest_name(name, section_names(schema))));
}

}  // namespace

const SectionTables::Entry* SectionTables::find(const std::string& section) const {
  const auto found =
      std::find_if(sections.begin(), sections.end(), [&](const Entry& entry) { return entry.table.name == section; });
  return found == sections.end() ? nullptr : &*found;
}

KeyOrigins fill(const SectionTables& schema, const ConfigSource& source, void* config, std::vector<Problem>& problems) {
  KeyOrigins origins;
  std::set<std::string> unknown_sections;  // reported once, not for each of their keys
  for (const ConfigEntry& entry : source.entries) {
    if (entry.section.empty()) {
      problems.push_back({entry.place, outside_sections(schema, entry.key)});
      continue;
    }
    const SectionTables::Entry* section = schema.find(entry.section);
    if (!section) {
      if (unknown_sections.insert(entry.section).second)
        problems.push_back({entry.place, unknown_section(schema, entry.section)});
      continue;
    }
    if (entry.key.empty()) continue;
    const Field* field = section->table.find(entry.key);
    if (!field) {
      problems.push_back({entry.place, unknown_key(schema, section->table, entry.key)});
      continue;
    }
    const std::string name = entry.section + "." + entry.key;
    const std::string wrong = field->read(section->member(config), entry.value);
    if (!wrong.empty()) {
      problems.push_back({entry.place, name + " " + wrong});
      origins.rejected.insert(name);
    }
    origins.places[name] = entry.place;
    if (entry.place.starts_with(kOverridePlace)) origins.overridden.insert(name);
  }
  return origins;
}

std::string dump(const SectionTables& schema, const void* config) {
  std::string text;
  for (const auto& entry : schema.sections) {
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", entry.table.name);
    const void* part = entry.member(const_cast<void*>(config));
    for (const Field& field : entry.table.fields) text += fmt::format("{} = {}\n", field.name, field.write(part));
  }
  return text;
}

const SectionTables::Entry& find_section(const SectionTables& schema, const std::string& section) {
  if (const auto* entry = schema.find(section)) return *entry;
  throw Error(ExitCode::usage, unknown_section(schema, section),
              fmt::format("the sections are {}", fmt::join(section_names(schema), ", ")));
}

const Field& find_field(const SectionTables& schema, const SectionTables::Entry& section, const std::string& key) {
  if (const Field* field = section.table.find(key)) return *field;
  throw Error(ExitCode::usage, unknown_key(schema, section.table, key),
              fmt::format("`baleen schema {}` lists the keys", section.table.name));
}

void throw_if_any(const std::vector<Problem>& problems, const std::string& what) {
  if (problems.empty()) return;
  std::string message =
      problems.size() == 1 ? problems.front().text() : fmt::format("{} problems in {}:", problems.size(), what);
  if (problems.size() > 1)
    for (const Problem& problem : problems) message += "\n  " + problem.text();
  const bool names = std::any_of(problems.begin(), problems.end(),
                                 [](const Problem& problem) { return problem.message.starts_with(kUnknown); });
  throw Error(ExitCode::usage, message, names ? "`baleen schema SECTION` lists the keys of a section" : "");
}

}  // namespace baleen::core
