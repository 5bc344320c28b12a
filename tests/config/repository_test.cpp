// What the repository ships: configs/*.toml and docs/config.md.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "models/llama_parameters.h"
#include "planner/memory.h"
#include "trainer/config.h"

namespace baleen::trainer {
namespace {

using planner::plan_states, planner::plan_units, planner::RankMemory;

std::filesystem::path source_dir() {
  const char* folder = std::getenv("BALEEN_SOURCE_DIR");
  return folder != nullptr ? folder : ".";
}

Config shipped(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return load_config(source_dir() / "configs" / name, overrides);
}

TEST(Configs, AreAllFreeOfProblems) {
  int checked = 0;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "configs")) {
    if (entry.path().extension() != ".toml") continue;
    // Their datasets are made by whoever runs them.
    const Config config = load_config(entry.path(), {"data.train=random", "data.validation=random"});
    for (const int ranks : {1, 2})
      for (const core::Problem& problem : validate(config, ranks))
        ADD_FAILURE() << ranks << " ranks: " << problem.text();
    ++checked;
  }
  EXPECT_GE(checked, 4);
}

struct Shape {
  const char* config;
  std::int64_t parameters;
};

TEST(Configs, HaveTheParametersOfTheirShapes) {
  for (const Shape& shape : {Shape{"austen.toml", 918912}, Shape{"llama-160m.toml", 134105856},
                             Shape{"llama-1b.toml", 1498482688}, Shape{"llama-8b.toml", 8030261248}})
    EXPECT_EQ(models::count_parameters(models::llama_units(shipped(shape.config).model)).total(), shape.parameters)
        << shape.config;
}

TEST(Configs, TiedOneBillionIsThatOfItsPublisher) {
  const Config config = shipped("llama-1b.toml", {"model.tie_embeddings=true"});
  EXPECT_EQ(models::count_parameters(models::llama_units(config.model)).total(), 1235814400);
}

TEST(StateMemory, CountsEveryCopyOnce) {
  Config config = shipped("llama-8b.toml");
  const std::int64_t parameters = 8030261248;  // no padding in this shape
  const auto state_memory = [](const Config& of) { return plan_states(plan_units(of, {}), 0); };
  const RankMemory half = state_memory(config);
  EXPECT_EQ(half.values, 2 * parameters);
  EXPECT_EQ(half.masters, 4 * parameters);
  EXPECT_EQ(half.gradients, 4 * parameters);
  EXPECT_EQ(half.optimizer, 8 * parameters);

  config.precision.compute = "fp32";
  config.optimizer.name = "sgd";
  const RankMemory single = state_memory(config);
  EXPECT_EQ(single.values, 0);
  EXPECT_EQ(single.states(), 12 * parameters);

  config.precision.compute = "fp64";
  EXPECT_EQ(state_memory(config).states(), 24 * parameters);
}

TEST(Documentation, OfTheConfigurationIsUpToDate) {
  std::ifstream in(source_dir() / "docs/config.md");
  const std::string written{std::istreambuf_iterator<char>(in), {}};
  const Config defaults;
  EXPECT_TRUE(written == core::describe_markdown(config_schema(), &defaults))
      << "docs/config.md is stale; run: baleen schema --markdown > docs/config.md";
}

}  // namespace
}  // namespace baleen::trainer
