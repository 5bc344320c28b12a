#include "core/config_section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace baleen::core {
namespace {

Check number_check(std::string expected, std::function<bool(double)> number) {
  Check check;
  check.expected = std::move(expected);
  check.number = std::move(number);
  return check;
}

}  // namespace

Check positive() {
  return number_check("greater than 0", [](double value) { return value > 0; });
}

Check not_negative() {
  return number_check("0 or greater", [](double value) { return value >= 0; });
}

Check positive_or(double exception) {
  return number_check(fmt::format("greater than 0, or {}", exception),
                      [=](double value) { return value > 0 || value == exception; });
}

Check at_least(double lowest) {
  return number_check(fmt::format("{} or greater", lowest), [=](double value) { return value >= lowest; });
}

Check between(double lowest, double highest) {
  return number_check(fmt::format("between {} and {}", lowest, highest),
                      [=](double value) { return value >= lowest && value <= highest; });
}

Check in_half_open(double lowest, double bound) {
  return number_check(fmt::format("at least {} and below {}", lowest, bound),
                      [=](double value) { return value >= lowest && value < bound; });
}

Check power_of_two() {
  return number_check("a power of two", [](double value) {
    int exponent = 0;
    return value > 0 && std::frexp(value, &exponent) == 0.5;
  });
}

Check one_of(std::vector<std::string> choices, std::map<std::string, std::string> meant) {
  Check check;
  check.choices = std::move(choices);
  check.meant = std::move(meant);
  const std::string names = fmt::format("\"{}\"", fmt::join(check.choices, "\", \""));
  check.expected = check.choices.size() == 1 ? names : "one of " + names;
  check.string = [names = check.choices](const std::string& value) {
    return std::find(names.begin(), names.end(), value) != names.end();
  };
  return check;
}

Check not_empty() {
  Check check;
  check.expected = "a string that is not empty";
  check.string = [](const std::string& value) { return !value.empty(); };
  return check;
}

bool read_value(const ConfigValue& value, bool& out) {
  const auto* found = std::get_if<bool>(&value.data);
  if (found) out = *found;
  return found != nullptr;
}

bool read_value(const ConfigValue& value, std::int64_t& out) {
  const auto* found = std::get_if<std::int64_t>(&value.data);
  if (found) out = *found;
  return found != nullptr;
}

bool read_value(const ConfigValue& value, int& out) {
  std::int64_t wide = 0;
  if (!read_value(value, wide) || wide != static_cast<int>(wide)) return false;
  out = static_cast<int>(wide);
  return true;
}

bool read_value(const ConfigValue& value, double& out) {
  std::int64_t whole = 0;
  if (read_value(value, whole)) {
    out = static_cast<double>(whole);
    return true;
  }
  const auto* found = std::get_if<double>(&value.data);
  if (!found || !std::isfinite(*found)) return false;
  out = *found;
  return true;
}

bool read_value(const ConfigValue& value, std::string& out) {
  const auto* found = std::get_if<std::string>(&value.data);
  if (found) out = *found;
  return found != nullptr;
}

bool read_value(const ConfigValue& value, std::array<double, 2>& out) {
  const auto* found = std::get_if<ConfigValue::Array>(&value.data);
  return found && found->size() == 2 && read_value((*found)[0], out[0]) && read_value((*found)[1], out[1]);
}

bool read_value(const ConfigValue& value, std::vector<int>& out) {
  const auto* found = std::get_if<ConfigValue::Array>(&value.data);
  if (!found) return false;
  out.resize(found->size());
  for (std::size_t i = 0; i < out.size(); ++i)
    if (!read_value((*found)[i], out[i])) return false;
  return true;
}

std::string type_name(bool) {
  return "true or false";
}

std::string type_name(int) {
  return "an integer";
}

std::string type_name(std::int64_t) {
  return "an integer";
}

std::string type_name(double) {
  return "a number";
}

std::string type_name(const std::string&) {
  return "a string";
}

std::string type_name(const std::array<double, 2>&) {
  return "two numbers";
}

std::string type_name(const std::vector<int>&) {
  return "a list of integers";
}

bool holds(const Check& check, double value) {
  return !check.number || check.number(value);
}

bool holds(const Check& check, const std::string& value) {
  return !check.string || check.string(value);
}

bool holds(const Check& check, const std::vector<int>& value) {
  return std::all_of(value.begin(), value.end(),
                     [&](int element) { return holds(check, static_cast<double>(element)); });
}

bool holds(const Check& check, const std::array<double, 2>& value) {
  return holds(check, value[0]) && holds(check, value[1]);
}

const Field* FieldTable::find(const std::string& field) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field; });
  return found == fields.end() ? nullptr : &*found;
}

namespace {

std::string meant_choice(const std::string& word, const Check& check) {
  const auto known = check.meant.find(word);
  return known != check.meant.end() ? known->second : nearest_name(word, check.choices);
}

/// Of what is not plain from the type's name.
std::string example(const std::string& type) {
  if (type == type_name(std::array<double, 2>{})) return ", as in [0.9, 0.95]";
  if (type == type_name(std::vector<int>{})) return ", as in [2, 2]";
  return "";
}

}  // namespace

std::string value_problem(bool type_fits, bool check_holds, const std::string& type, const Check& check,
                          const ConfigValue& value) {
  if (check_holds) return "";
  const auto* whole = std::get_if<std::int64_t>(&value.data);
  if (!type_fits && whole && type == type_name(0)) {  // of 32 bits
    using Limits = std::numeric_limits<int>;
    return *whole > 0 ? fmt::format("must be at most {}, but is {}", Limits::max(), *whole)
                      : fmt::format("must be at least {}, but is {}", Limits::min(), *whole);
  }
  if (!type_fits) {
    const std::string choices = check.choices.empty() ? type + example(type) : check.expected;
    return fmt::format("must be {}, but is {}", choices, value.text());
  }
  const std::string each = type == type_name(std::array<double, 2>{}) ? "two numbers, each "
                           : type == type_name(std::vector<int>{})    ? "a list of integers, each "
                                                                      : "";
  const auto* word = std::get_if<std::string>(&value.data);
  const std::string nearest = word ? meant_choice(*word, check) : "";
  return fmt::format("must be {}{}, but is {}{}", each, check.expected, value.text(),
                     nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest));
}

}  // namespace baleen::core
