#include "core/json_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace baleen::core {

std::string json_fault(const std::exception& error, std::string_view text) {
  if (const auto* unreadable = dynamic_cast<const nlohmann::json::parse_error*>(&error)) {
    const std::string_view before = text.substr(0, unreadable->byte == 0 ? 0 : unreadable->byte - 1);
    return fmt::format("not readable JSON at line {}, byte {}", 1 + std::ranges::count(before, '\n'), unreadable->byte);
  }
  const std::string_view what = error.what();  // "[json.exception.out_of_range.403] key 'step' not found"
  const std::size_t name = what.find("] ");
  return std::string(name == std::string_view::npos ? what : what.substr(name + 2));
}

}  // namespace baleen::core
