#include "core/lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace baleen::core {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for_lines(text, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

TEST(ForLines, GivesWhatIsNotEmpty) {
  EXPECT_EQ(lines_of(""), std::vector<std::string>{});
  EXPECT_EQ(lines_of("\n\n"), std::vector<std::string>{});
  EXPECT_EQ(lines_of("one"), std::vector<std::string>{"one"});
  EXPECT_EQ(lines_of("\none\n\n two \nthree"), (std::vector<std::string>{"one", " two ", "three"}));
}

}  // namespace
}  // namespace baleen::core
