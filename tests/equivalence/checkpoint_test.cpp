// Checkpoints under layouts: each goes on to the bit, and each holds the same model.
#include <gmock/gmock.h>

#include "checkpoint/directory.h"
#include "checkpoint/reader.h"
#include "inference/load_model.h"
#include "tests/equivalence/rows.h"
#include "tests/trainer/tiny_run.h"

namespace baleen::tests {
namespace {

std::vector<Row> saved_rows() {
  return {{.shard = 4, .zero = 1},
          {.shard = 2, .replicate = 2, .zero = 3},
          {.tensor = 4},
          {.pipeline = 4, .layers = 5},
          {.pipeline = 2, .schedule = "interleaved", .virtual_stages = 2, .layers = 9},
          {.tensor = 2, .pipeline = 2, .shard = 2, .zero = 3, .schedule = "zero_bubble"}};
}

Modifiers tied() {
  Modifiers modifiers;
  modifiers.tied = true;
  return modifiers;
}

class SavedUnderALayout : public testing::TestWithParam<std::size_t> {};

TEST_P(SavedUnderALayout, GoesOnToTheBit) {
  const TemporaryFolder folder;
  const Row row = saved_rows()[GetParam()];
  trainer::Config config = config_of(row, tied(), folder.path(), "fp32");
  config.training.steps = 6;
  config.checkpoint.every = 3;
  RunOptions whole{.run_dir = folder.path() / "whole"};
  const Outcome expected = run_with_threads(config, row.ranks(), whole);

  RunOptions resumed{.run_dir = folder.path() / "resumed"};
  resumed.resume = checkpoint::find_checkpoint(whole.run_dir, 3).path;
  const Outcome actual = run_with_threads(config, row.ranks(), resumed);
  EXPECT_EQ(actual.losses, std::vector<double>(expected.losses.begin() + 3, expected.losses.end()));
  EXPECT_EQ(actual.grad_norms, std::vector<double>(expected.grad_norms.begin() + 3, expected.grad_norms.end()));
  EXPECT_EQ(actual.parameters, expected.parameters);
}

/// The next row takes over in the middle, in the same run directory.
TEST_P(SavedUnderALayout, GoesOnUnderAnotherLayout) {
  const TemporaryFolder folder;
  const Row row = saved_rows()[GetParam()];
  Row other = saved_rows()[(GetParam() + 1) % saved_rows().size()];
  other.layers = row.layers;
  const auto config_for = [&](const Row& layout) {
    trainer::Config config = config_of(layout, tied(), folder.path(), "fp64");
    config.training.steps = 6;
    config.checkpoint.every = 3;
    return config;
  };
  RunOptions moved{.run_dir = folder.path() / "run"};
  const Outcome expected = run_with_threads(config_for(row), row.ranks(), moved);
  moved.resume = checkpoint::find_checkpoint(moved.run_dir, 3).path;
  EXPECT_EQ(difference(expected, run_with_threads(config_for(other), other.ranks(), moved)), "") << other.name();
}

INSTANTIATE_TEST_SUITE_P(Rows, SavedUnderALayout, testing::Range(std::size_t{0}, saved_rows().size()),
                         [](const auto& row) { return saved_rows()[row.param].name(); });

class SavedUnderAnyLayout : public testing::TestWithParam<std::size_t> {};

/// As generate and every later consumer load it.
TEST_P(SavedUnderAnyLayout, LoadsAsOneModel) {
  const TemporaryFolder folder;
  const Row row = base_rows()[GetParam()];
  trainer::Config config = config_of(row, GetParam() % 2 == 0 ? tied() : Modifiers{}, folder.path(), "fp64");
  config.training.steps = 4;
  config.training.validation_sequences = 1;
  const Outcome outcome = run_with_threads(config, row.ranks(), {.run_dir = folder.path() / "run"});

  parallel::UnitOptions options;
  options.compute = options.master = at::kDouble;
  options.trained = false;
  models::TransformerStage stage(config.model, options, {});
  inference::load_model(checkpoint::CheckpointReader::open(checkpoint::newest_checkpoint(folder.path() / "run")->path),
                        stage);
  for (const parallel::Unit* unit : stage.trained_units()) {
    for (const parallel::Parameter& parameter : unit->parameters()) {
      const at::Tensor rows = parameter.value.narrow(0, 0, parameter.spec->shape[0]).contiguous();
      const auto* first = rows.const_data_ptr<double>();
      EXPECT_EQ(std::vector<double>(first, first + rows.numel()), outcome.parameters.at(parameter.spec->name))
          << parameter.spec->name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, SavedUnderAnyLayout, testing::Range(std::size_t{0}, base_rows().size()),
                         [](const auto& row) { return base_rows()[row.param].name(); });

}  // namespace
}  // namespace baleen::tests
