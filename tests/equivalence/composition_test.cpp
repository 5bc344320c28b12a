// The table of proven layouts in docs/parallelism.md is that of the equivalence test.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <utility>

#include "core/filesystem.h"
#include "tests/equivalence/rows.h"

namespace baleen::tests {
namespace {

constexpr const char* kBegin = "<!-- layouts: begin (written by composition_test; see docs/testing.md) -->\n";
constexpr const char* kEnd = "<!-- layouts: end -->";

std::string tensor(const Row& row) {
  if (row.tensor == 1) return "1";
  return fmt::format("{}{}", row.tensor, row.sequence_parallel ? ", sequence parallel" : "");
}

std::string pipeline(const Row& row) {
  if (row.pipeline == 1) return "1";
  std::string text = fmt::format("{}, `{}`", row.pipeline, row.schedule);
  if (row.virtual_stages > 1) text += fmt::format(", {} stages a rank", row.virtual_stages);
  if (row.layers % (row.pipeline * row.virtual_stages) != 0) text += fmt::format(", {} layers", row.layers);
  return text;
}

std::string data(const Row& row) {
  if (row.replicate > 1) return fmt::format("{} replicas of {} shards", row.replicate, row.shard);
  return fmt::format("{}", row.shard);
}

/// One line for layouts that differ in their ZeRO stage alone.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::pair<std::string, std::set<int>>> lines;
  for (const Row& row : rows) {
    const std::string head = fmt::format("| {} | {} | {} | {} |", row.ranks(), tensor(row), pipeline(row), data(row));
    auto line = std::find_if(lines.begin(), lines.end(), [&](const auto& seen) { return seen.first == head; });
    if (line == lines.end()) line = lines.insert(lines.end(), {head, {}});
    line->second.insert(row.zero);
  }
  std::string text = fmt::format(
      "The {} layouts of the table:\n\n| ranks | tensor | pipeline | data | ZeRO 0 | 1 | 2 | 3 |\n"
      "|---|---|---|---|---|---|---|---|\n",
      rows.size());
  for (const auto& [head, zero_stages] : lines) {
    text += head;
    for (int zero = 0; zero <= 3; ++zero) text += zero_stages.count(zero) == 1 ? " ✓ |" : " |";
    text += "\n";
  }
  return text;
}

TEST(Composition, TheTableInTheDocumentsIsTheOneThatIsProven) {
  const std::filesystem::path path = std::filesystem::path(std::getenv("BALEEN_SOURCE_DIR")) / "docs/parallelism.md";
  std::string text = core::read_file(path);
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  ASSERT_TRUE(begin != std::string::npos && end != std::string::npos) << path << " has lost its marks";
  const std::size_t inside = begin + std::string_view(kBegin).size();
  const std::string proven = table(base_rows());
  if (std::getenv("BALEEN_WRITE_TABLES") != nullptr) {
    core::write_file_atomically(path, text.replace(inside, end - inside, proven));
    return;
  }
  EXPECT_EQ(text.substr(inside, end - inside), proven)
      << "the layouts have changed: BALEEN_WRITE_TABLES=1 ctest -R composition_test writes the table anew";
}

}  // namespace
}  // namespace baleen::tests
