#include "core/json_fault.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace baleen::core {
namespace {

/// What is wrong with a text that should be an object with a text "name".
std::string fault_of(const std::string& text) {
  try {
    (void)nlohmann::json::parse(text).at("name").get<std::string>();
  } catch (const std::exception& error) {
    return json_fault(error, text);
  }
  return "";
}

TEST(JsonFault, NamesThePlace) {
  EXPECT_EQ(fault_of("{\"name\": \"a\"}"), "");
  EXPECT_EQ(fault_of(""), "not readable JSON at line 1, byte 1");
  EXPECT_EQ(fault_of("{\n\"name\": tru\n}"), "not readable JSON at line 2, byte 12");
  EXPECT_EQ(fault_of("{\n\"name\":\n"), "not readable JSON at line 3, byte 1");
}

TEST(JsonFault, NamesTheValueWithoutTheLibrary) {
  EXPECT_EQ(fault_of("{}"), "key 'name' not found");
  EXPECT_EQ(fault_of("{\"name\": 1}"), "type must be string, but is number");
}

TEST(JsonFault, LeavesTheWordsOfOthers) {
  EXPECT_EQ(json_fault(std::runtime_error("box [0, 4] of w"), "{}"), "box [0, 4] of w");
}

}  // namespace
}  // namespace baleen::core
