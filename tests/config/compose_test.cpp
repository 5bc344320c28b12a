// Files on files, overrides on top, and the resolved dump.

#include <gmock/gmock.h>

#include "core/error.h"
#include "tests/config/fixture.h"

namespace baleen::trainer {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Extends, LaterFilesWinAndOverridesWinOverAll) {
  const ConfigFolder folder;
  folder.write("base.toml", "[model]\ndim = 64\nlayers = 2\nheads = 4\n[optimizer]\nlr = 0.1\n");
  folder.write("shapes/small.toml", "extends = \"../base.toml\"\n[model]\nlayers = 3\nheads = 8\n");
  const auto path = folder.write("run.toml", "extends = \"shapes/small.toml\"\n[model]\nheads = 2\n");
  const ReadConfig read = read_config(path, {"model.ffn_dim=256", "optimizer.lr=0.5", "optimizer.lr=0.25"});
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.config.model.dim, 64);
  EXPECT_EQ(read.config.model.layers, 3);
  EXPECT_EQ(read.config.model.heads, 2);
  EXPECT_EQ(read.config.model.ffn_dim, 256);
  EXPECT_EQ(read.config.optimizer.lr, 0.25);
}

TEST(Extends, ProblemsStandAtTheFileThatHasThem) {
  const ConfigFolder folder;
  folder.write("base.toml", "[model]\ndim = 64\nheds = 4\n");
  EXPECT_THAT(folder.problems("extends = \"base.toml\"\n[model]\nheads = 5\n"),
              testing::ElementsAre("base.toml:3:1: unknown key model.heds; did you mean model.heads?",
                                   "base.toml:2:1: model.dim (64) is not a multiple of model.heads (5)"));
}

TEST(Extends, CyclesAreRefusedAndTwoWaysToOneBaseAreNot) {
  const ConfigFolder folder;
  folder.write("a.toml", "extends = \"b.toml\"\n");
  folder.write("b.toml", "extends = \"./a.toml\"\n");
  EXPECT_THAT(folder.problems("extends = \"a.toml\"\n"),
              testing::ElementsAre("b.toml:1:1: extends = \"a.toml\" leads back to a file that extends this one"));
}

TEST(Resolve, FillsInWhatFollows) {
  const ConfigFolder folder;
  const auto path = folder.write("tiny.toml", with_data("[model]\nheads = 4\n"));
  EXPECT_EQ(load_config(path, {}).model.kv_heads, 4);
  EXPECT_EQ(load_config(path, {"model.kv_heads=2"}).model.kv_heads, 2);
  EXPECT_EQ(load_config(path, {}).run.name, "tiny");
  EXPECT_EQ(load_config(path, {"run.name=other"}).run_dir(), std::filesystem::path("runs/other"));
}

/// A value other than the default for every key, as TOML.
std::string another_value(const core::Field& field, const std::string& value) {
  if (value == "true") return "false";
  if (value == "false") return "true";
  if (!field.check.choices.empty()) return core::toml_text(field.check.choices.back());
  if (value.front() == '"') return "\"some \\\"other\\\" text\"";
  if (field.type == "a list of integers") return "[1, 3]";
  if (value.front() == '[') return "[0.125, 0.3]";
  if (field.check.expected == "a power of two") return "32.0";
  for (const char* number : {"3", "1", "0.1", "0.7"})
    if (field.check.number && field.check.number(std::stod(number)) && number != value) {
      const bool whole = field.type == "an integer";
      if (!whole || std::string(number).find('.') == std::string::npos) return number;
    }
  return value;
}

TEST(Dump, EveryKeyComesBack) {
  std::vector<std::string> overrides;
  const Config defaults;
  for (const auto& section : config_schema().sections) {
    const void* part = section.member(const_cast<Config*>(&defaults));
    for (const core::Field& field : section.table.fields)
      overrides.push_back(section.table.name + "." + field.name + "=" + another_value(field, field.write(part)));
  }
  const ConfigFolder folder;
  const ReadConfig changed = read_config(folder.write("run.toml", ""), overrides);
  ASSERT_THAT(changed.problems, IsEmpty()) << changed.problems.front().text();
  const std::string text = to_toml(changed.config);

  const ReadConfig again = read_config(folder.write("again.toml", text), {});
  EXPECT_THAT(again.problems, IsEmpty());
  EXPECT_EQ(to_toml(again.config), text);
  for (const std::string& line : overrides) {
    const std::size_t dot = line.find('.'), equals = line.find('=');
    const std::string value = line.substr(equals + 1);
    EXPECT_THAT(text, HasSubstr("\n" + line.substr(dot + 1, equals - dot - 1) + " = " + value)) << line;
  }
}

TEST(LoadCheckedConfig, ThrowsEverythingInOneMessage) {
  const ConfigFolder folder;
  const auto path = folder.write("run.toml", "[model]\ndim = 190\n[training]\nsteps = 0\n");
  try {
    load_checked_config(path, {}, 1);
    FAIL() << "a bad configuration was loaded";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    const std::string at = path.string();
    EXPECT_EQ(error.what(),
              "3 problems in " + at + ":\n  " + at +
                  ":4:1: training.steps must be between 1 and 100000000, but is 0\n  " + at +
                  ":2:1: model.dim (190) is not a multiple of model.heads (6)\n  data.train is not set: name a "
                  "dataset made by `baleen data tokenize`, or \"random\" for measuring");
  }
}

TEST(LoadCheckedConfig, SpeaksOnlyOfTheFileWhereItCannotBeRead) {
  const ConfigFolder folder;
  EXPECT_THAT(folder.problems("extends = \"base.toml\"\n[data]\n"),
              testing::ElementsAre("run.toml:1:1: cannot read base.toml: No such file or directory"));
}

}  // namespace
}  // namespace baleen::trainer
