#include "core/json_fault.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
  EXPECT_EQ(fault_of("{\n\"name\": tru\n}"), "not readable JSON at line 2, byte 14");
  EXPECT_EQ(fault_of("{\n\"name\":\n"), "not readable JSON at line 3, byte 11");
}

TEST(JsonFault, NamesTheValueWithoutTheLibrary) {
  EXPECT_EQ(fault_of("{}"), "key 'name' not found");
  EXPECT_EQ(fault_of("{\"name\": 1}"), "type must be string, but is number");
}

}  // namespace
}  // namespace baleen::core
