#pragma once
// The lines of a text.

#include <algorithm>
#include <string_view>

namespace baleen::core {

/// Calls f(line) for each line that is not empty, without its end.
template <typename F>
void for_lines(std::string_view text, const F& f) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) f(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace baleen::core
