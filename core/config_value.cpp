#include "core/config_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/config_section.h"

namespace baleen::core {

std::string toml_text(bool value) {
  return value ? "true" : "false";
}

std::string toml_text(int value) {
  return fmt::format("{}", value);
}

std::string toml_text(std::int64_t value) {
  return fmt::format("{}", value);
}

std::string toml_text(double value) {
  const std::string digits = fmt::format("{}", value);
  return digits.find_first_of(".en") == std::string::npos ? digits + ".0" : digits;
}

std::string toml_text(const std::string& value) {
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text += fmt::format("\\{}", c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      text += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string toml_text(const std::array<double, 2>& value) {
  return fmt::format("[{}, {}]", toml_text(value[0]), toml_text(value[1]));
}

std::string toml_text(const std::vector<int>& value) {
  return fmt::format("[{}]", fmt::join(value, ", "));
}

std::string ConfigValue::text() const {
  struct Writer {
    std::string operator()(const Other& other) const { return other.what; }
    std::string operator()(const Array& array) const {
      std::string text;
      for (const ConfigValue& element : array) text += (text.empty() ? "" : ", ") + element.text();
      return "[" + text + "]";
    }
    std::string operator()(bool value) const { return toml_text(value); }
    std::string operator()(std::int64_t value) const { return toml_text(value); }
    std::string operator()(double value) const { return toml_text(value); }
    std::string operator()(const std::string& value) const { return toml_text(value); }
  };
  return std::visit(Writer{}, data);
}

}  // namespace baleen::core
