#include "core/json_fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace baleen::core {

std::string json_fault(const std::exception& error, std::string_view text) {
  if (const auto* unreadable = dynamic_cast<const nlohmann::json::parse_error*>(&error)) {
    const std::string_view before = text.substr(0, unreadable->byte == 0 ? 0 : unreadable->byte - 1);
    const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return fmt::format("not readable JSON at line {}, byte {}", 1 + std::ranges::count(before, '\n'),
                       unreadable->byte - line_begin);
  }
  const std::string_view what = error.what();  // "[json.exception.out_of_range.403] key 'step' not found"
  return std::string(what.starts_with("[json.exception.") ? what.substr(what.find("] ") + 2) : what);
}

}  // namespace baleen::core
