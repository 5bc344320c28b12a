// The field tables, on a small configuration of their own.

#include "core/config.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace baleen::core {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

enum class Colour { red, green };

struct Kitchen {
  int ovens = 1;
  std::int64_t plates = 12;
  double heat = 180.5;
  bool open = false;
  std::string cook = "Ada";
  std::array<double, 2> hours = {8, 20};
  Colour colour = Colour::red;
};

struct House {
  Kitchen kitchen;
};

const SectionTables& schema() {
  static const auto section =
      Section<Kitchen>("kitchen", "Where food is made.")
          .field("ovens", &Kitchen::ovens, "Ovens.", positive())
          .field("plates", &Kitchen::plates, "Plates.", power_of_two())
          .field("heat", &Kitchen::heat, "Degrees.", between(0, 300))
          .field("open", &Kitchen::open, "To guests.")
          .field("cook", &Kitchen::cook, "Who cooks.", not_empty())
          .field("hours", &Kitchen::hours, "From, to.", in_half_open(0, 24))
          .choice("colour", &Kitchen::colour, "Of the wall.", {{"red", Colour::red}, {"green", Colour::green}});
  static const auto schema = Schema<House>().section(section, &House::kitchen);
  return schema.tables();
}

struct Filled {
  House house;
  KeyOrigins origins;
  std::vector<std::string> problems;
};

Filled fill_from(const std::string& lines) {
  Filled filled;
  std::vector<Problem> problems;
  filled.origins = fill(schema(), read_config_text("[kitchen]\n" + lines, "f", {}), &filled.house, problems);
  for (const Problem& problem : problems) filled.problems.push_back(problem.text());
  return filled;
}

TEST(Section, ReadsEveryType) {
  const Filled filled = fill_from(
      "ovens = 2\nplates = 64\nheat = 200\nopen = true\ncook = \"Bo\"\nhours = [9, 17.5]\ncolour = \"green\"\n");
  const Kitchen& kitchen = filled.house.kitchen;
  EXPECT_THAT(filled.problems, IsEmpty());
  EXPECT_EQ(kitchen.ovens, 2);
  EXPECT_EQ(kitchen.plates, 64);
  EXPECT_EQ(kitchen.heat, 200.0);
  EXPECT_TRUE(kitchen.open);
  EXPECT_EQ(kitchen.cook, "Bo");
  EXPECT_THAT(kitchen.hours, ElementsAre(9.0, 17.5));
  EXPECT_EQ(kitchen.colour, Colour::green);
  EXPECT_EQ(filled.origins.places.at("kitchen.heat"), "f:4:1");
}

TEST(Section, KeepsTheDefaultOfAValueThatIsWrong) {
  const Filled filled = fill_from("ovens = 0\nplates = 12.0\ncolour = \"blue\"\n");
  EXPECT_EQ(filled.house.kitchen.ovens, 1);
  EXPECT_EQ(filled.house.kitchen.plates, 12);
  EXPECT_EQ(filled.house.kitchen.colour, Colour::red);
  EXPECT_THAT(filled.origins.rejected, ElementsAre("kitchen.colour", "kitchen.ovens", "kitchen.plates"));
}

struct WrongValue {
  const char* line;
  const char* problem;
};

class WrongValues : public testing::TestWithParam<WrongValue> {};

TEST_P(WrongValues, AreExplained) {
  EXPECT_THAT(fill_from(GetParam().line).problems, ElementsAre(std::string("f:2:1: kitchen.") + GetParam().problem));
}

INSTANTIATE_TEST_SUITE_P(
    Section, WrongValues,
    testing::Values(WrongValue{"ovens = 3000000000", "ovens must be at most 2147483647, but is 3000000000"},
                    WrongValue{"ovens = -3000000000", "ovens must be at least -2147483648, but is -3000000000"},
                    WrongValue{"ovens = 1.5", "ovens must be an integer, but is 1.5"},
                    WrongValue{"plates = 24", "plates must be a power of two, but is 24"},
                    WrongValue{"plates = 0", "plates must be a power of two, but is 0"},
                    WrongValue{"heat = 300.5", "heat must be between 0 and 300, but is 300.5"},
                    WrongValue{"heat = nan", "heat must be a number, but is nan"},
                    WrongValue{"heat = inf", "heat must be a number, but is inf"},
                    WrongValue{"heat = true", "heat must be a number, but is true"},
                    WrongValue{"open = 1", "open must be true or false, but is 1"},
                    WrongValue{"cook = \"\"", "cook must be a string that is not empty, but is \"\""},
                    WrongValue{"cook = 7", "cook must be a string, but is 7"},
                    WrongValue{"hours = [9]", "hours must be two numbers, as in [0.9, 0.95], but is [9]"},
                    WrongValue{"hours = 9", "hours must be two numbers, as in [0.9, 0.95], but is 9"},
                    WrongValue{"hours = [9, 24]",
                               "hours must be two numbers, each at least 0 and below 24, but is [9, 24]"},
                    WrongValue{"colour = \"gren\"",
                               "colour must be one of \"red\", \"green\", but is \"gren\"; did you mean \"green\"?"},
                    WrongValue{"colour = 1", "colour must be one of \"red\", \"green\", but is 1"}));

TEST(Section, KnowsWhatAnotherWordForAChoiceMeans) {
  const Check check = one_of({"auto", "cpu", "cuda"}, {{"gpu", "cuda"}});
  EXPECT_THAT(value_problem(true, false, "a string", check, {std::string("gpu")}), HasSubstr("did you mean \"cuda\"?"));
  EXPECT_THAT(value_problem(true, false, "a string", check, {std::string("cpp")}), HasSubstr("did you mean \"cpu\"?"));
}

TEST(Dump, ReadsBackToTheSame) {
  House house;
  house.kitchen = {3, 1024, 1.0 / 3, true, "a \"quoted\" name", {0.1, 23.999}, Colour::green};
  const std::string text = dump(schema(), &house);
  House again;
  std::vector<Problem> problems;
  fill(schema(), read_config_text(text, "f", {}), &again, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(dump(schema(), &again), text);
  EXPECT_EQ(again.kitchen.heat, house.kitchen.heat);
  EXPECT_EQ(again.kitchen.colour, house.kitchen.colour);
}

TEST(Describe, ShowsDefaultsTypesAndHelp) {
  const House defaults;
  const std::string text = describe(schema(), &defaults, "kitchen");
  EXPECT_THAT(text, testing::ContainsRegex("heat = 180.5 +Degrees.\n"));
  EXPECT_THAT(text, HasSubstr("(number, between 0 and 300)"));
  EXPECT_THAT(describe_markdown(schema(), &defaults),
              HasSubstr("| `plates` | `12` | integer, a power of two | Plates. |"));
}

TEST(Describe, NamesTheNearestSection) {
  const House defaults;
  try {
    describe(schema(), &defaults, "kitchne");
    FAIL() << "an unknown section was described";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_STREQ(error.what(), "unknown section [kitchne]; did you mean kitchen?");
    EXPECT_EQ(error.next_action(), "the sections are kitchen");
  }
}

TEST(ThrowIfAny, ListsAllProblems) {
  EXPECT_NO_THROW(throw_if_any({}, "run.toml"));
  try {
    throw_if_any({{"run.toml:1:1", "first"}, {"", "second"}}, "run.toml");
    FAIL() << "problems were ignored";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "2 problems in run.toml:\n  run.toml:1:1: first\n  second");
  }
}

}  // namespace
}  // namespace baleen::core
