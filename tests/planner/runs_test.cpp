// The plan against what runs on GPUs have measured: runs.toml.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "planner/communicators.h"
#include "planner/plan.h"

namespace baleen::planner {
namespace {

using trainer::load_checked_config;

struct RecordedRun {
  std::string config, gpu;
  std::vector<std::string> overrides;
  std::int64_t ranks = 0;
  double tokens_per_second_per_gpu = 0, memory_gib = 0;
};

std::filesystem::path source_dir() {
  const char* folder = std::getenv("BALEEN_SOURCE_DIR");
  return folder != nullptr ? folder : ".";
}

std::map<std::string, RecordedRun> recorded_runs() {
  const core::ConfigSource source = core::read_config_source(source_dir() / "tests/planner/runs.toml", {});
  core::throw_if_any(source.problems, "runs.toml");
  std::map<std::string, RecordedRun> runs;
  for (const core::ConfigEntry& entry : source.entries) {
    RecordedRun& run = runs[entry.section];
    bool read = entry.key.empty();
    if (entry.key == "config") read = core::read_value(entry.value, run.config);
    if (entry.key == "gpu") read = core::read_value(entry.value, run.gpu);
    if (entry.key == "ranks") read = core::read_value(entry.value, run.ranks);
    if (entry.key == "tokens_per_second_per_gpu") read = core::read_value(entry.value, run.tokens_per_second_per_gpu);
    if (entry.key == "memory_gib") read = core::read_value(entry.value, run.memory_gib);
    if (entry.key == "overrides") {
      read = true;
      for (const core::ConfigValue& text : std::get<core::ConfigValue::Array>(entry.value.data))
        run.overrides.push_back(std::get<std::string>(text.data));
    }
    EXPECT_TRUE(read) << entry.place << ": " << entry.key;
  }
  return runs;
}

TEST(Planner, PredictsRecordedRuns) {
  const std::map<std::string, RecordedRun> runs = recorded_runs();
  EXPECT_FALSE(runs.empty());
  for (const auto& [name, run] : runs) {
    const auto ranks = static_cast<int>(run.ranks);
    const Config config = load_checked_config(source_dir() / "configs" / run.config, run.overrides, ranks);
    const Plan plan = make_plan(config, ranks, load_hardware(run.gpu));
    // The step lines show rank 0.
    const double memory = static_cast<double>(plan.memory.front().allocator()) / (1 << 30);
    EXPECT_NEAR(memory / run.memory_gib, 1, 0.1) << name << ": planned " << memory << " GiB";
    EXPECT_NEAR(plan.tokens_per_second_per_gpu / run.tokens_per_second_per_gpu, 1, 0.2)
        << name << ": planned " << plan.tokens_per_second_per_gpu << " tokens/s per GPU";
  }
}

/// bench/results/2026-11-26-layouts.md: on two H100.
TEST(Planner, PredictsWhatCommunicatorsTook) {
  struct Row {
    std::vector<std::string> layout;
    double gib;
  };
  const FootprintTable footprint = load_hardware("h100").footprint;
  for (const Row& row :
       {Row{{"parallelism.zero_stage=3"}, 1.42}, Row{{"parallelism.zero_stage=3", "run.deterministic=true"}, 1.67},
        Row{{"parallelism.tensor=2"}, 1.32}, Row{{"parallelism.pipeline=2"}, 3.09}}) {
    const Config config = load_checked_config(source_dir() / "configs/llama-160m.toml", row.layout, 2);
    const double planned = communicators_gib(plan_units(config, config.dims(2)), 0, footprint);
    EXPECT_NEAR(planned / row.gib, 1, 0.05) << testing::PrintToString(row.layout) << ": planned " << planned << " GiB";
  }
  const Config alone = load_checked_config(source_dir() / "configs/llama-160m.toml", {}, 1);
  EXPECT_EQ(communicators_gib(plan_units(alone, alone.dims(1)), 0, footprint), 0);
}

}  // namespace
}  // namespace baleen::planner
