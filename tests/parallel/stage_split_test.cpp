#include "parallel/stage_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace baleen::parallel {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

double dearest(const std::vector<int>& split, const SplitCosts& costs) {
  double most = 0;
  for (std::size_t s = 0; s < split.size(); ++s)
    most = std::max(most,
                    split[s] * costs.layer + (s == 0 ? costs.embedding : 0) + (s + 1 == split.size() ? costs.head : 0));
  return most;
}

/// Over all splits of `layers` over stages that start with `split`.
double best_of_all(int layers, std::size_t stages, const SplitCosts& costs, std::vector<int> split = {}) {
  const int rest = layers - std::accumulate(split.begin(), split.end(), 0);
  if (split.size() + 1 == stages) {
    split.push_back(rest);
    return dearest(split, costs);
  }
  double best = 1e9;
  const int others = static_cast<int>(stages - split.size()) - 1;
  for (int n = 1; n <= rest - others; ++n) {
    std::vector<int> longer = split;
    longer.push_back(n);
    best = std::min(best, best_of_all(layers, stages, costs, longer));
  }
  return best;
}

TEST(StageSplit, NoSplitIsBetter) {
  for (const SplitCosts& costs :
       {SplitCosts{1, 0, 0}, SplitCosts{1, 0.2, 2.5}, SplitCosts{3, 5, 1}, SplitCosts{1, 0, 9}})
    for (int stages = 1; stages <= 5; ++stages)
      for (int layers = stages; layers <= 12; ++layers) {
        const std::vector<int> split = stage_layers(layers, stages, costs);
        EXPECT_EQ(std::accumulate(split.begin(), split.end(), 0), layers);
        EXPECT_GE(*std::min_element(split.begin(), split.end()), 1);
        EXPECT_DOUBLE_EQ(dearest(split, costs), best_of_all(layers, static_cast<std::size_t>(stages), costs))
            << layers << " layers, " << stages << " stages";
      }
}

TEST(StageSplit, GivesTheHeadsStageFewerAndLaterStagesTheRest) {
  EXPECT_THAT(stage_layers(8, 4, SplitCosts{}), ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(stage_layers(5, 4, SplitCosts{}), ElementsAre(1, 1, 1, 2));
  EXPECT_THAT(stage_layers(16, 4, SplitCosts{1, 0.1, 2}), ElementsAre(4, 4, 5, 3));
  EXPECT_THAT(stage_layers(4, 2, SplitCosts{1, 0, 100}), ElementsAre(3, 1));
}

std::string refusal(int layers, int stages, const std::vector<int>& given) {
  try {
    check_stage_layers(layers, stages, given);
  } catch (const core::Error& error) {
    EXPECT_EQ(error.code(), core::ExitCode::usage);
    return std::string(error.what()) + "; " + error.next_action();
  }
  return "";
}

TEST(StageSplit, TakesAListThatFitsAndRefusesOthersWithTheArithmetic) {
  EXPECT_EQ(refusal(5, 3, {1, 3, 1}), "");
  EXPECT_THAT(refusal(6, 3, {1, 3, 1}), HasSubstr("[1, 3, 1] makes 5 layers, but model.layers = 6; add 1 layers"));
  EXPECT_THAT(refusal(5, 2, {1, 3, 1}), HasSubstr("names 3 stages"));
  EXPECT_THAT(refusal(5, 3, {0, 4, 1}), HasSubstr("without a layer"));
  EXPECT_THAT(refusal(3, 4, {1, 1, 1, 0}), HasSubstr("model.layers = 3 do not fill 4 stages"));
  EXPECT_THROW(stage_layers(3, 4, SplitCosts{}), core::Error);
}

}  // namespace
}  // namespace baleen::parallel
