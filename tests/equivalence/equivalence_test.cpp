// One run, every layout: ranks are threads of this process.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "tests/equivalence/comparison.h"

namespace baleen::tests {
namespace {

constexpr std::size_t kMostRuns = 150;

class EveryLayout : public testing::TestWithParam<Entry> {
 protected:
  static Runs& runs() {  // one for the whole program
    static Runs runs;
    return runs;
  }
};

TEST_P(EveryLayout, GivesTheRunThatItOwes) {
  SCOPED_TRACE(GetParam().modifiers.name());
  expect_owed(runs(), GetParam());
}

std::string short_name(const Entry& run) {
  std::string name = run.row.name() + "_" + run.precision + "_" + run.modifiers.recompute;
  if (!run.modifiers.deterministic) name += "_unordered";
  return run.modifiers.gradient_wire == "bf16" ? name + "_bf16_wire" : name;
}

INSTANTIATE_TEST_SUITE_P(Runs, EveryLayout, testing::ValuesIn(covering_runs()),
                         [](const auto& run) { return short_name(run.param); });

TEST(Table, MakesFewEnoughRuns) {
  std::set<std::string> made;
  for (const Entry& run : covering_runs()) {
    made.insert(run.name());
    for (const Entry& reference : references(run)) made.insert(reference.name());
  }
  EXPECT_LE(made.size(), kMostRuns);
  EXPECT_GE(made.size(), 3 * base_rows().size());
}

// Pairs.

using Values = std::set<std::string>;

/// What kind of row it is.
Values kinds(const Row& row) {
  Values kinds;
  if (row.shard > 1) kinds.insert("ZeRO " + std::to_string(row.zero));
  if (row.shard > 1) kinds.insert("shard " + std::to_string(row.shard));
  if (row.replicate > 1) kinds.insert("replicate");
  if (row.tensor > 1)
    kinds.insert("tensor " + std::to_string(row.tensor) + (row.sequence_parallel ? ", sequence" : ""));
  if (row.pipeline > 1) kinds.insert("pipeline " + std::to_string(row.pipeline));
  if (row.pipeline > 1) kinds.insert(row.schedule + (row.virtual_stages > 1 ? ", virtual stages" : ""));
  if (row.layers != 4) kinds.insert(std::to_string(row.layers) + " layers");
  if (row.tensor > 1 && row.pipeline > 1) kinds.insert("all axes, ZeRO " + std::to_string(row.zero));
  return kinds;
}

/// The values of all modifiers that have an effect in the row, in `runs`.
std::vector<Values> choices(const Row& row) {
  std::vector<Values> choices = {{"recompute none", "recompute mlp", "recompute block"},
                                 {"tied", "untied"},
                                 {"dropout", "no dropout"},
                                 {"z-loss", "no z-loss"},
                                 {"stream", "documents"}};
  if (row.zero == 3) choices.push_back({"regather micro_batch", "regather step", "regather never"});
  if (row.shard > 1) choices.push_back({"wire fp32", "wire bf16"});
  choices.push_back({"ordered", "unordered"});
  return choices;
}

Values values(const Entry& run) {
  const Modifiers& m = run.modifiers;
  Values values = {"recompute " + m.recompute,
                   m.tied ? "tied" : "untied",
                   m.dropout > 0 ? "dropout" : "no dropout",
                   m.z_loss > 0 ? "z-loss" : "no z-loss",
                   m.pack,
                   m.deterministic ? "ordered" : "unordered"};
  if (run.row.zero == 3) values.insert("regather " + m.regather);
  if (run.row.shard > 1) values.insert("wire " + m.gradient_wire);
  return values;
}

using Pairs = std::set<std::string>;

void add_pairs(Pairs& pairs, const Values& left, const Values& right) {
  for (const std::string& one : left)
    for (const std::string& other : right)
      if (one != other) pairs.insert(std::min(one, other) + " + " + std::max(one, other));
}

/// All pairs of two modifiers' values, and of a value and a kind of row, that base rows can show.
Pairs possible_pairs() {
  Pairs pairs;
  for (const Row& row : base_rows()) {
    const std::vector<Values> all = choices(row);
    for (std::size_t i = 0; i < all.size(); ++i) {
      add_pairs(pairs, kinds(row), all[i]);
      for (std::size_t j = 0; j < i; ++j) add_pairs(pairs, all[i], all[j]);
    }
  }
  // Out of deterministic mode nothing is known of the last bits, so rounded gradients can be compared with nothing.
  pairs.erase("unordered + wire bf16");
  return pairs;
}

TEST(Table, ShowsEveryPair) {
  Pairs shown;
  for (const Entry& run : covering_runs()) {
    add_pairs(shown, values(run), values(run));
    add_pairs(shown, kinds(run.row), values(run));
  }
  Pairs missing;
  const Pairs possible = possible_pairs();
  std::set_difference(possible.begin(), possible.end(), shown.begin(), shown.end(),
                      std::inserter(missing, missing.begin()));
  EXPECT_THAT(missing, testing::IsEmpty());
  EXPECT_GT(possible.size(), 200U);
}

/// Each row of ZeRO-3, pipelines among them, under each policy.
TEST(Table, ShowsEveryRegatherPolicyInEveryRowThatGathers) {
  std::set<std::pair<std::string, std::string>> shown;
  std::size_t rows = 0;
  for (const Row& row : base_rows()) rows += row.zero == 3 ? 1 : 0;
  for (const Entry& run : covering_runs())
    if (run.row.zero == 3) shown.insert({run.row.name(), run.modifiers.regather});
  EXPECT_EQ(shown.size(), 3 * rows);
}

}  // namespace
}  // namespace baleen::tests
