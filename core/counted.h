#pragma once
// Numbers of things for people: "1 rank", "2 ranks".

#include <cstdint>
#include <string>

namespace baleen::core {

inline std::string counted(std::int64_t number, const std::string& one, const std::string& many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

/// `thing` takes an s in the plural.
inline std::string counted(std::int64_t number, const std::string& thing) {
  return counted(number, thing, thing + "s");
}

}  // namespace baleen::core
