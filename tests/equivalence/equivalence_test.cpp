// One run, every layout: ranks are threads of this process.
#include <gmock/gmock.h>

#include <map>
#include <set>

#include "tests/equivalence/rows.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

/// Runs what is asked for once and keeps the outcome. One for the whole program.
class Runs {
 public:
  const Outcome& get(const Row& row, const Modifiers& modifiers, const std::string& precision) {
    const std::string key = row.name() + ", " + modifiers.name() + ", " + precision;
    const auto found = outcomes_.find(key);
    if (found != outcomes_.end()) return found->second;
    const auto run_dir = folder_.path() / std::to_string(outcomes_.size());
    const trainer::Config config = config_of(row, modifiers, folder_.path(), precision);
    return outcomes_[key] = run_with_threads(config, row.ranks(), {.run_dir = run_dir});
  }

 private:
  TemporaryFolder folder_;
  std::map<std::string, Outcome> outcomes_;
};

Runs& runs() {
  static Runs runs;
  return runs;
}

/// What must give the same bits: the same ranks of the data and tensor axes, no pipeline, nothing sharded.
Row whole_layers(const Row& row) {
  Row whole = row;
  whole.pipeline = whole.virtual_stages = 1;
  whole.zero = 0;
  whole.schedule = "1f1b";
  return whole;
}

std::string bits_differ(const Outcome& expected, const Outcome& actual) {
  if (expected.losses != actual.losses) return "losses differ";
  if (expected.grad_norms != actual.grad_norms) return "gradient norms differ";
  if (expected.skipped != actual.skipped) return "skipped steps differ";
  return expected.parameters == actual.parameters ? "" : "parameters differ";
}

class EveryLayout : public testing::TestWithParam<std::size_t> {
 protected:
  const Row row_ = base_rows()[GetParam()];
};

TEST_P(EveryLayout, GivesTheRunOfOneRank) {
  for (const Modifiers& modifiers : modifiers_of(GetParam())) {
    SCOPED_TRACE(modifiers.name());
    const Outcome& one = runs().get({.layers = row_.layers}, modifiers, "fp64");
    ASSERT_EQ(one.losses.size(), 20U);
    EXPECT_LT(one.losses.back(), 0.9 * one.losses.front()) << "a run that learns nothing proves nothing";
    EXPECT_EQ(difference(one, runs().get(row_, modifiers, "fp64")), "");
  }
}

TEST_P(EveryLayout, GivesTheBitsOfWholeLayersInDeterministicMode) {
  const Row whole = whole_layers(row_);
  if (whole.name() == row_.name()) return;  // that is this layout
  for (Modifiers modifiers : modifiers_of(GetParam())) {
    modifiers.deterministic = true;
    SCOPED_TRACE(modifiers.name());
    for (const char* precision : {"fp64", "fp32"})
      EXPECT_EQ(bits_differ(runs().get(whole, modifiers, precision), runs().get(row_, modifiers, precision)), "")
          << precision;
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryLayout, testing::Range(std::size_t{0}, base_rows().size()),
                         [](const auto& row) { return base_rows()[row.param].name(); });

TEST(Modifiers, ShowEveryPairOfValues) {
  std::set<std::string> pairs;
  for (std::size_t row = 0; row < base_rows().size(); ++row)
    for (const Modifiers& m : modifiers_of(row)) {
      const std::vector<std::string> values = {"recompute " + m.recompute,      m.tied ? "tied" : "untied",
                                               m.dropout > 0 ? "drop" : "keep", m.pack,
                                               "regather " + m.regather,        m.deterministic ? "ordered" : "free"};
      for (std::size_t i = 0; i < values.size(); ++i)
        for (std::size_t j = i + 1; j < values.size(); ++j) pairs.insert(values[i] + " + " + values[j]);
    }
  // Of six modifiers with 3, 2, 2, 2, 3, 2 values: the sum over pairs of the products.
  const std::vector<std::size_t> counts = {3, 2, 2, 2, 3, 2};
  std::size_t all = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    for (std::size_t j = i + 1; j < counts.size(); ++j) all += counts[i] * counts[j];
  EXPECT_EQ(pairs.size(), all);
}

}  // namespace
}  // namespace baleen::tests
