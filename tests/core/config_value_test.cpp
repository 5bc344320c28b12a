#include "core/config_value.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace baleen::core {
namespace {

using testing::ElementsAre;

/// What a document that holds `text` as its value reads back as.
ConfigValue read_back(const std::string& text) {
  const ConfigSource source = read_config_text("[s]\nk = " + text + "\n", "test.toml", {});
  EXPECT_TRUE(source.problems.empty()) << text << ": " << source.problems.front().text();
  return source.entries.back().value;
}

TEST(TomlText, DoublesReadBackToTheSameBits) {
  for (const double value : {0.0, -0.0, 1.0, 0.1, 3e-4, 1e-8, 1.0 / 3, 65536.0, 1e16, 1e22, 1.5e300,
                             std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}) {
    const ConfigValue read = read_back(toml_text(value));
    ASSERT_TRUE(std::holds_alternative<double>(read.data)) << toml_text(value);
    EXPECT_EQ(std::get<double>(read.data), value);
    EXPECT_EQ(std::signbit(std::get<double>(read.data)), std::signbit(value));
  }
}

TEST(TomlText, StringsReadBack) {
  for (const std::string value : {"", "plain", "with \"quotes\" and \\", "line\nline\ttab", "\x01\x1f\x7f", "Größe 数"})
    EXPECT_EQ(std::get<std::string>(read_back(toml_text(value)).data), value);
}

TEST(TomlText, IntegersAndBooleansReadBack) {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
                                   std::numeric_limits<std::int64_t>::min()})
    EXPECT_EQ(std::get<std::int64_t>(read_back(toml_text(value)).data), value);
  for (const bool value : {false, true}) EXPECT_EQ(std::get<bool>(read_back(toml_text(value)).data), value);
}

TEST(ConfigValue, ShowsWhatStoodThere) {
  EXPECT_EQ(read_back("[0.9, 1, \"x\"]").text(), "[0.9, 1, \"x\"]");
  EXPECT_EQ(read_back("{ a = 1 }").text(), "a table");
  EXPECT_EQ(read_back("2024-01-31").text(), "a date or time");
}

TEST(NearestName, FindsTypingErrors) {
  const std::vector<std::string> names = {"warmup_steps", "decay_steps", "name", "min_lr_ratio"};
  EXPECT_EQ(nearest_name("warmup_step", names), "warmup_steps");
  EXPECT_EQ(nearest_name("wramup_steps", names), "warmup_steps");
  EXPECT_EQ(nearest_name("WarmupSteps", names), "warmup_steps");
  EXPECT_EQ(nearest_name("nmae", names), "name");
  EXPECT_EQ(nearest_name("decay-steps", names), "decay_steps");
}

TEST(NearestName, DoesNotGuess) {
  const std::vector<std::string> names = {"lr", "eps", "name"};
  EXPECT_EQ(nearest_name("momentum", names), "");
  EXPECT_EQ(nearest_name("xy", names), "");
  EXPECT_EQ(nearest_name("", names), "");
}

TEST(ReadConfigText, KeepsTheOrderOfTheFileAndThePlaces) {
  const ConfigSource source = read_config_text("[zoo]\nb = 1\na = 2\n\n[ape]\nc = 3\n", "run.toml", {"zoo.b=4"});
  std::vector<std::string> seen;
  for (const ConfigEntry& entry : source.entries) seen.push_back(entry.section + "." + entry.key + " " + entry.place);
  EXPECT_THAT(seen, ElementsAre("zoo. run.toml:1:2", "zoo.b run.toml:2:1", "zoo.a run.toml:3:1", "ape. run.toml:5:2",
                                "ape.c run.toml:6:1", "zoo.b override zoo.b=4"));
  EXPECT_TRUE(source.complete);
}

TEST(ReadConfigText, TakesBareWordsInOverridesAsStrings) {
  const ConfigSource source = read_config_text(
      "", "run.toml", {"s.a=data/x.h5", "s.b=1e-3", "s.c=true", "s.d=\"1\"", "s.e=[1, 2]", "s.f=a=b", "s.g=007"});
  ASSERT_TRUE(source.problems.empty()) << source.problems.front().text();
  std::vector<std::string> values;
  for (const ConfigEntry& entry : source.entries) values.push_back(entry.value.text());
  EXPECT_THAT(values, ElementsAre("\"data/x.h5\"", "0.001", "true", "\"1\"", "[1, 2]", "\"a=b\"", "\"007\""));
}

}  // namespace
}  // namespace baleen::core
