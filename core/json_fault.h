#pragma once
// What is wrong with a JSON text, in words for people: a parser's own name its grammar.

#include <exception>
#include <string>
#include <string_view>

namespace baleen::core {

/// Of what nlohmann::json threw over `text`: "not readable JSON at line 3, byte 41" of that line, or which value is not
/// there or of another type. What another threw keeps its words.
std::string json_fault(const std::exception& error, std::string_view text);

}  // namespace baleen::core
