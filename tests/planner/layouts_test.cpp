// The meshes and layouts that a number of ranks can have, and the best of them.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <sstream>

#include "planner/plan.h"
#include "tests/planner/fixture.h"
#include "trainer/legal_meshes.h"

namespace baleen::planner {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using trainer::all_meshes;

TEST(PlannerLayouts, AreTheBestOfAll) {
  const Config config = tiny_plan_config({"training.global_batch_size=16", "training.micro_batch_size=1"});
  const Hardware hardware = load_hardware("h100");
  const BestLayouts some = best_layouts(config, 4, hardware, 3), all = best_layouts(config, 4, hardware, 1000);
  ASSERT_EQ(some.layouts.size(), 3U);
  ASSERT_EQ(all.layouts.size(), static_cast<std::size_t>(all.fitting));  // it is small
  for (std::size_t i = 0; i < some.layouts.size(); ++i)
    EXPECT_EQ(some.layouts[i].overrides(Config{}), all.layouts[i].overrides(Config{}));
  for (const Layout& layout : all.layouts) {
    Config chosen = config;
    chosen.parallelism = layout.parallelism;
    EXPECT_TRUE(validate(chosen, 4).empty()) << layout.overrides(Config{});
    const PlannedStep step = plan_step(chosen, chosen.dims(4));
    EXPECT_LE(least_time(step, hardware), plan_time(step, hardware).step() * (1 + 1e-12)) << layout.overrides(Config{});
  }
}

/// Their activations may not: the count must not be read beside "DOES NOT FIT" as if they did.
TEST(PlannerLayouts, AreCountedBeforeTheirActivations) {
  const Config config = tiny_plan_config({"training.global_batch_size=16", "training.sequence_length=1024"});
  Hardware hardware = load_hardware("h100");
  hardware.footprint = {};
  const std::int64_t states =  // the most of all: nothing is cut over one rank
      plan_states(plan_units(config, config.dims(1)), 0).states();
  hardware.gpu.memory_gib = 1.1 * static_cast<double>(states) / (1 << 30);
  const BestLayouts best = best_layouts(config, 4, hardware, 5);
  EXPECT_TRUE(best.layouts.empty());
  EXPECT_EQ(best.fitting, best.legal);
  EXPECT_THAT(
      describe(best, hardware, 4, config),
      AllOf(HasSubstr(fmt::format("({0} legal; {0} fit as long as activations and buffers are left out)", best.legal)),
            HasSubstr("none fits")));
}

TEST(PlannerLayouts, AreMadeByTheirWordsBesideTheWordsGivenAndInTheirPlace) {
  const std::vector<std::string> run = {"training.global_batch_size=16", "model.layers=4"};
  const std::string file = "[parallelism]\npipeline = 2\nstage_layers = [3, 1]\nzero_stage = 1\ndata_shard = 2\n";
  const Hardware hardware = load_hardware("h100");
  const auto with = [&](std::vector<std::string> words, const std::string& more) {
    words.insert(words.begin(), run.begin(), run.end());
    std::istringstream rest(more);
    for (std::string word; rest >> word;) words.push_back(word);
    return tiny_plan_config(words, file);
  };
  for (const std::vector<std::string>& given : std::vector<std::vector<std::string>>{
           {},
           {"parallelism.zero_stage=3", "parallelism.regather=never"},
           {"parallelism.pipeline=1", "parallelism.stage_layers=[]", "parallelism.data_shard=-1"},
           {"parallelism.sequence_parallel=false", "parallelism.data_shard=1", "parallelism.tensor=2"}}) {
    const Config config = with(given, "");
    ASSERT_TRUE(validate(config, 4).empty()) << testing::PrintToString(given);
    for (const Layout& layout : best_layouts(config, 4, hardware, 1000).layouts) {
      std::string words = layout.overrides(config);
      if (words == "as configured") words.clear();
      for (const bool beside : {true, false}) {
        const Config again = with(beside ? given : std::vector<std::string>{}, words);
        ASSERT_TRUE(validate(again, 4).empty()) << testing::PrintToString(given) << words;
        const Plan plan = make_plan(again, 4, hardware);
        EXPECT_EQ(plan.tokens_per_second_per_gpu, layout.tokens_per_second_per_gpu) << words;
        EXPECT_EQ(plan.most_memory().total(), layout.memory) << testing::PrintToString(given) << words;
      }
    }
  }
}

TEST(PlannerLayouts, FitTheDevice) {
  const Config config = tiny_plan_config({});
  Hardware hardware = load_hardware("h100");
  hardware.footprint = {};
  hardware.gpu.memory_gib = 1e-3;
  EXPECT_TRUE(best_layouts(config, 2, hardware, 5).layouts.empty());
  EXPECT_THAT(describe(best_layouts(config, 2, hardware, 5), hardware, 2, config), HasSubstr("none fits"));
}

TEST(PlannerMeshes, AreAllThatMakeTheRanks) {
  EXPECT_EQ(all_meshes(1).size(), 1U);
  EXPECT_EQ(all_meshes(8).size(), 20U);  // ways to give three factors of 2 to four degrees
  for (const parallel::ParallelDims& dims : all_meshes(12)) EXPECT_EQ(dims.world(), 12);
}

TEST(PlannerMeshes, OfOtherWorldsAreNamedWhereNoneIsLegal) {
  const std::vector<core::Problem> problems =
      validate(tiny_plan_config({"training.global_batch_size=16", "parallelism.pipeline=5"}), 5);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems.front().message, HasSubstr("; no mesh of 5 ranks is legal; nearest: 4 ranks "
                                                  "(parallelism.pipeline=2), or 8 ranks (parallelism.pipeline=2)"));
}

}  // namespace
}  // namespace baleen::planner
